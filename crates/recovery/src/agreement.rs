//! What a person agreed to: from what each service goes, and to what. It outlives the run that asked.

use ripcord_domain::catalog::{PlaceId, Value};
use ripcord_domain::timeline::State;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What was agreed to. Whoever goes on with it keeps the goals, and stops where somebody else deployed one
/// of the services since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Agreement {
    pub(crate) goals: Vec<Goal>,
}

impl Agreement {
    /// Whether nothing was agreed to that could be compared with.
    pub fn is_empty(&self) -> bool {
        self.goals.is_empty()
    }
}

/// A unit's state before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) service: String,
    pub(crate) environment: String,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(crate) from: State,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(crate) to: State,
    /// The commit that `to` is of, in hex.
    pub(crate) target: String,
}

/// A place with what it says: JSON's keys are texts only.
#[derive(Serialize, Deserialize)]
struct Said {
    path: String,
    key: String,
    values: Vec<Value>,
}

fn write<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(state.iter().map(|(place, values)| Said {
        path: place.path.clone(),
        key: place.key.as_str().to_owned(),
        values: values.clone(),
    }))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    let said = Vec::<Said>::deserialize(deserializer)?;
    said.into_iter()
        .map(|one| {
            let key = one.key.parse().map_err(serde::de::Error::custom)?;
            let place = PlaceId {
                path: one.path,
                key,
            };
            Ok((place, one.values))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_to_is_the_same_after_it_was_recorded() {
        let state = |tag: &str| {
            let place = PlaceId {
                path: "apps/pay/kustomization.yaml".into(),
                key: "images[acme/pay]".parse().unwrap(),
            };
            let value = Value {
                role: "tag".into(),
                value: tag.into(),
            };
            State::from([(place, vec![value])])
        };
        let agreement = Agreement {
            goals: vec![Goal {
                service: "pay".into(),
                environment: "production".into(),
                from: state("v15"),
                to: state("v14"),
                target: "0123".into(),
            }],
        };
        let text = serde_json::to_value(&agreement).unwrap();
        assert_eq!(
            serde_json::from_value::<Agreement>(text).unwrap(),
            agreement
        );
    }
}
