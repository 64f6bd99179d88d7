//! The list of tags that a bot passes over, wherever it stands: extended by ours and put back.

use ripcord_domain::live::bot::List;
use serde_json::{Value, json};

use crate::read::{items, texts};

/// Where an ImageUpdater says how images are taken, for all, for a reference, for one image.
const SETTINGS: &str = "commonUpdateSettings";
const TAGS: &str = "ignoreTags";

/// What an `ImageRepository` without a list passes over.
const SIGNATURES: &str = r"^.*\.sig$";

/// What stands in the list's place: the list, or the settings of the image that it is a part of; null where
/// there is nothing.
pub(super) fn now(object: &Value, list: &List) -> Value {
    place(object, list).map_or(Value::Null, |at| value(object, &at).clone())
}

/// The writes that put tags into the list; none are needed where it has them. None where what it is
/// about is not there.
pub(super) fn extended(object: &Value, list: &List, tags: &[String]) -> Option<Vec<Value>> {
    let at = place(object, list)?;
    let now = value(object, &at);
    let mut entries = counting(object, list, now);
    let missing: Vec<String> = tags
        .iter()
        .map(|tag| entry(tag, list))
        .filter(|entry| !entries.contains(entry))
        .collect();
    if missing.is_empty() {
        return Some(Vec::new());
    }
    entries.extend(missing);
    let written = written(&entries, list);
    let write = match list {
        List::Ignored { .. } if now.is_null() => {
            let mut settings = inherited_settings(object, list);
            settings[TAGS] = written;
            add(&at, &settings)
        }
        List::Ignored { .. } => add(&below(&at), &written),
        List::Annotation { .. } | List::Excluded => set(object, &at, &written),
    };
    Some(guarded(object, write))
}

/// The writes that take tags out again, to what was before if nobody else changed it.
pub(super) fn restored(
    object: &Value,
    list: &List,
    tags: &[String],
    before: &Value,
) -> Option<Vec<Value>> {
    let at = place(object, list)?;
    let now = value(object, &at);
    let Some(has) = entries(list_in(now, list)) else {
        return Some(Vec::new());
    };
    let known = counting(object, list, before);
    let ours: Vec<String> = tags
        .iter()
        .map(|tag| entry(tag, list))
        .filter(|entry| !known.contains(entry))
        .collect();
    let left: Vec<String> = has
        .iter()
        .filter(|one| !ours.contains(one))
        .cloned()
        .collect();
    if left.len() == has.len() {
        return Some(Vec::new());
    }
    let of_list = match list {
        List::Ignored { .. } => below(&at),
        List::Annotation { .. } | List::Excluded => at.clone(),
    };
    let was = list_in(before, list);
    let write = if left != known {
        json!({"op": "replace", "path": pointer(&of_list), "value": written(&left, list)})
    } else if !was.is_null() {
        json!({"op": "replace", "path": pointer(&of_list), "value": was})
    } else if before.is_null() && is_ours_alone(object, list, now) {
        json!({"op": "remove", "path": pointer(&at)})
    } else {
        json!({"op": "remove", "path": pointer(&of_list)})
    };
    Some(guarded(object, write))
}

/// The list in what stands in its place.
fn list_in<'v>(stands: &'v Value, list: &List) -> &'v Value {
    match list {
        List::Ignored { .. } => &stands[TAGS],
        List::Annotation { .. } | List::Excluded => stands,
    }
}

/// What counts where this stands in the list's place: with a list of one's own the inherited one does not.
fn counting(object: &Value, list: &List, stands: &Value) -> Vec<String> {
    entries(list_in(stands, list)).unwrap_or_else(|| inherited(object, list))
}

/// Settings of an image that say what counts without them. An API server fills in its defaults as soon as
/// there are any, and those win over what is inherited.
fn inherited_settings(updater: &Value, list: &List) -> Value {
    let levels = levels(updater, list);
    let of = |name: &str, usual: Value| {
        let found = levels.iter().map(|level| level[name].clone());
        found
            .into_iter()
            .find(|value| !value.is_null())
            .unwrap_or(usual)
    };
    json!({"updateStrategy": of("updateStrategy", json!("semver")), "forceUpdate": of("forceUpdate", json!(false))})
}

/// Whether an image has no settings but those that came with the list.
fn is_ours_alone(updater: &Value, list: &List, settings: &Value) -> bool {
    let mut others = settings.clone();
    match (list, others.as_object_mut()) {
        (List::Ignored { .. }, Some(fields)) => {
            fields.remove(TAGS);
            others == inherited_settings(updater, list)
        }
        _ => true,
    }
}

/// Where the list stands, by the names from the top.
fn place(object: &Value, list: &List) -> Option<Vec<String>> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match list {
        List::Annotation { name, .. } => Some(names(&["metadata", "annotations", name])),
        List::Excluded => Some(names(&["spec", "exclusionList"])),
        List::Ignored { pattern, alias } => {
            let (reference, image) = image_of(object, pattern, alias)?;
            Some(names(&[
                "spec",
                "applicationRefs",
                &reference.to_string(),
                "images",
                &image.to_string(),
                SETTINGS,
            ]))
        }
    }
}

/// Where an image stands in an ImageUpdater: of which reference, and of which image in it.
fn image_of(updater: &Value, pattern: &str, alias: &str) -> Option<(usize, usize)> {
    let references = items(&updater["spec"]["applicationRefs"]).enumerate();
    references
        .filter(|(_, reference)| reference["namePattern"] == *pattern)
        .find_map(|(at, reference)| {
            let image = items(&reference["images"]).position(|image| image["alias"] == *alias);
            Some((at, image?))
        })
}

/// What counts as long as there is no list of its own.
fn inherited(object: &Value, list: &List) -> Vec<String> {
    match list {
        List::Annotation { inherits, .. } => {
            let name = inherits.as_deref().unwrap_or_default();
            entries(&object["metadata"]["annotations"][name]).unwrap_or_default()
        }
        List::Excluded => vec![SIGNATURES.to_owned()],
        List::Ignored { .. } => levels(object, list)
            .iter()
            .find_map(|level| entries(&level[TAGS]))
            .unwrap_or_default(),
    }
}

/// The settings that an image inherits, those of its reference first.
fn levels(updater: &Value, list: &List) -> [Value; 2] {
    let spec = &updater["spec"];
    let reference = match list {
        List::Ignored { pattern, alias } => image_of(updater, pattern, alias),
        List::Annotation { .. } | List::Excluded => None,
    };
    let reference = reference.map_or(&Value::Null, |(at, _)| &spec["applicationRefs"][at]);
    [reference[SETTINGS].clone(), spec[SETTINGS].clone()]
}

/// The entries of a list in either form; none where there is no list.
fn entries(value: &Value) -> Option<Vec<String>> {
    if value.is_array() {
        return Some(texts(value));
    }
    let tags = value.as_str()?.split(',').map(str::trim);
    Some(
        tags.filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn written(entries: &[String], list: &List) -> Value {
    match list {
        List::Annotation { .. } => json!(entries.join(",")),
        List::Ignored { .. } | List::Excluded => json!(entries),
    }
}

/// One tag as the list has it. Of what tags are made of only the dot means something in an expression.
fn entry(tag: &str, list: &List) -> String {
    match list {
        List::Excluded => format!("^{}$", tag.replace('.', r"\.")),
        List::Annotation { .. } | List::Ignored { .. } => tag.to_owned(),
    }
}

fn value<'o>(object: &'o Value, at: &[String]) -> &'o Value {
    object.pointer(&pointer(at)).unwrap_or(&Value::Null)
}

/// Names as a JSON pointer (RFC 6901).
fn pointer(at: &[String]) -> String {
    let mut pointer = String::new();
    for name in at {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// The place of the list in an image's settings.
fn below(settings: &[String]) -> Vec<String> {
    settings.iter().cloned().chain([TAGS.to_owned()]).collect()
}

fn add(at: &[String], value: &Value) -> Value {
    json!({"op": "add", "path": pointer(at), "value": value})
}

/// The write that puts a value somewhere, with what is missing above it.
fn set(object: &Value, at: &[String], new: &Value) -> Value {
    let there = (1..at.len())
        .find(|depth| value(object, &at[..*depth]).is_null())
        .unwrap_or(at.len());
    let nested = at[there..]
        .iter()
        .rev()
        .fold(new.clone(), |inner, name| json!({name: inner}));
    add(&at[..there], &nested)
}

/// A write on the condition that the object is as it was read.
fn guarded(object: &Value, write: Value) -> Vec<Value> {
    let version = &object["metadata"]["resourceVersion"];
    let test = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    vec![test, write]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an API server makes of the writes, with the defaults of Image Updater's kind.
    fn applied(object: &Value, writes: &[Value]) -> Value {
        let mut object = object.clone();
        for write in writes {
            let path = write["path"].as_str().unwrap();
            let (parent, name) = path.rsplit_once('/').unwrap();
            let name = name.replace("~1", "/").replace("~0", "~");
            let parent = object.pointer_mut(parent).unwrap();
            match write["op"].as_str().unwrap() {
                "test" => assert_eq!(parent[&name], write["value"]),
                "remove" => drop(parent.as_object_mut().unwrap().remove(&name)),
                _ => parent[&name] = write["value"].clone(),
            }
        }
        if let Some(settings) = object
            .pointer_mut("/spec/applicationRefs/1/images/1/commonUpdateSettings")
            .and_then(Value::as_object_mut)
        {
            settings.entry("updateStrategy").or_insert("semver".into());
            settings.entry("forceUpdate").or_insert(false.into());
        }
        object
    }

    fn updater(settings: &Value) -> Value {
        let mut image = json!({"alias": "pay", "imageName": "acme/pay"});
        if !settings.is_null() {
            image["commonUpdateSettings"] = settings.clone();
        }
        json!({
            "metadata": {"resourceVersion": "7"},
            "spec": {
                "commonUpdateSettings": {"ignoreTags": ["latest"]},
                "applicationRefs": [
                    {"namePattern": "cart-*", "images": [{"alias": "pay", "imageName": "acme/cart"}]},
                    {"namePattern": "pay-*", "images": [{"alias": "other", "imageName": "acme/x"}, image]},
                ],
            },
        })
    }

    fn ignored() -> List {
        List::Ignored {
            pattern: "pay-*".into(),
            alias: "pay".into(),
        }
    }

    fn annotated(annotations: &Value) -> Value {
        let mut object = json!({"metadata": {"resourceVersion": "7"}});
        if !annotations.is_null() {
            object["metadata"]["annotations"] = annotations.clone();
        }
        object
    }

    fn annotation() -> List {
        List::Annotation {
            name: "iu/pay.ignore-tags".into(),
            inherits: Some("iu/ignore-tags".into()),
        }
    }

    /// Each kind of object, with what the list says once `v2` is passed over.
    fn cases() -> Vec<(Value, List, Value)> {
        let repository = |list: Value| json!({"metadata": {"resourceVersion": "7"}, "spec": {"exclusionList": list}});
        vec![
            (updater(&Value::Null), ignored(), json!(["latest", "v2.0"])),
            (
                updater(&json!({"updateStrategy": "digest", "forceUpdate": true})),
                ignored(),
                json!(["latest", "v2.0"]),
            ),
            (
                updater(
                    &json!({"ignoreTags": ["v1-rc"], "updateStrategy": "semver", "forceUpdate": false}),
                ),
                ignored(),
                json!(["v1-rc", "v2.0"]),
            ),
            (annotated(&Value::Null), annotation(), json!("v2.0")),
            (annotated(&json!({"x": "y"})), annotation(), json!("v2.0")),
            (
                annotated(&json!({"iu/ignore-tags": "a, b"})),
                annotation(),
                json!("a,b,v2.0"),
            ),
            (
                annotated(&json!({"iu/pay.ignore-tags": "c"})),
                annotation(),
                json!("c,v2.0"),
            ),
            (
                repository(Value::Null),
                List::Excluded,
                json!([SIGNATURES, r"^v2\.0$"]),
            ),
            (
                repository(json!(["^x$"])),
                List::Excluded,
                json!(["^x$", r"^v2\.0$"]),
            ),
        ]
    }

    fn tags() -> Vec<String> {
        vec!["v2.0".to_owned()]
    }

    #[test]
    fn a_tag_is_added_to_what_counted_before() {
        for (object, list, expected) in cases() {
            let after = applied(&object, &extended(&object, &list, &tags()).unwrap());
            assert_eq!(*list_in(&now(&after, &list), &list), expected);
            // A second time there is nothing to do.
            assert_eq!(extended(&after, &list, &tags()), Some(Vec::new()));
        }
    }

    #[test]
    fn what_was_before_is_put_back_to_the_letter() {
        for (object, list, _) in cases() {
            let before = now(&object, &list);
            let held = applied(&object, &extended(&object, &list, &tags()).unwrap());
            let back = applied(&held, &restored(&held, &list, &tags(), &before).unwrap());
            assert_eq!(now(&back, &list), before, "{object}");
            let mut plain = object.clone();
            // Kubernetes keeps no empty annotations.
            if plain["metadata"]["annotations"].is_null()
                && back["metadata"]["annotations"].is_object()
            {
                plain["metadata"]["annotations"] = json!({});
            }
            if plain["spec"]["exclusionList"].is_null() && matches!(list, List::Excluded) {
                plain["spec"]
                    .as_object_mut()
                    .unwrap()
                    .remove("exclusionList");
            }
            assert_eq!(back, plain);
        }
    }

    #[test]
    fn what_others_added_meanwhile_stays() {
        for (object, list, _) in cases() {
            let before = now(&object, &list);
            let held = applied(&object, &extended(&object, &list, &tags()).unwrap());
            let other = ["v9".to_owned()];
            let more = applied(&held, &extended(&held, &list, &other).unwrap());
            let back = applied(&more, &restored(&more, &list, &tags(), &before).unwrap());
            let left = entries(list_in(&now(&back, &list), &list)).unwrap();
            assert!(left.contains(&entry("v9", &list)), "{left:?}");
            assert!(!left.contains(&entry("v2.0", &list)), "{left:?}");
        }
    }

    #[test]
    fn a_tag_that_was_passed_over_before_is_not_taken_out() {
        let object = updater(&json!({"ignoreTags": ["v2.0"]}));
        assert_eq!(extended(&object, &ignored(), &tags()), Some(Vec::new()));
        let before = json!({"ignoreTags": ["v2.0"]});
        assert_eq!(
            restored(&object, &ignored(), &tags(), &before),
            Some(Vec::new())
        );
    }

    #[test]
    fn the_defaults_of_an_images_own_settings_do_not_win_over_what_it_inherited() {
        let mut object = updater(&Value::Null);
        object["spec"]["commonUpdateSettings"]["updateStrategy"] = "newest-build".into();
        object["spec"]["applicationRefs"][1]["commonUpdateSettings"] = json!({"forceUpdate": true});
        let held = applied(&object, &extended(&object, &ignored(), &tags()).unwrap());
        let settings = now(&held, &ignored());
        assert_eq!(settings["updateStrategy"], "newest-build");
        assert_eq!(settings["forceUpdate"], true);
        let back = restored(&held, &ignored(), &tags(), &Value::Null).unwrap();
        assert_eq!(applied(&held, &back), object);
    }

    #[test]
    fn an_image_that_is_not_there_any_more_is_said() {
        let gone = List::Ignored {
            pattern: "pay-*".into(),
            alias: "gone".into(),
        };
        assert_eq!(extended(&updater(&Value::Null), &gone, &tags()), None);
        assert_eq!(
            restored(&updater(&Value::Null), &gone, &tags(), &Value::Null),
            None
        );
    }
}
