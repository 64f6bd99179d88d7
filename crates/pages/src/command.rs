//! Commands that people copy into a shell.
//!
//! Names of services come from labels that anybody may write. One that means something to a shell, or that looks
//! like an option, is put into no command: what is copied at night is run unread.

use ripcord_domain::incident::event::{Concern, IncidentId};
use ripcord_domain::recovery::RecoveryId;

/// The command that puts a service back on its last good version; none where a name cannot be part of one.
pub fn rollback(concern: &Concern, incident: &IncidentId) -> Option<String> {
    let service = plain(concern.service.as_str())?;
    let environment = plain(concern.environment.as_str())?;
    let incident = plain(incident.as_str())?;
    Some(format!(
        "ripcord rollback {service} {environment} --incident {incident}"
    ))
}

/// The command that goes on with a recovery; none where its name cannot be part of one.
pub fn resume(recovery: &RecoveryId) -> Option<String> {
    Some(format!("ripcord resume {}", plain(recovery.as_str())?))
}

fn plain(name: &str) -> Option<&str> {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "._/-".contains(sign);
    let begins = name.starts_with(|sign: char| sign.is_ascii_alphanumeric());
    (begins && name.chars().all(is_plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use ripcord_domain::{Environment, Service};

    use super::*;

    fn of(service: &str, environment: &str) -> Option<String> {
        let concern = Concern {
            service: Service::new(service),
            environment: Environment::new(environment),
        };
        rollback(&concern, &IncidentId::new("i-abcdefgh"))
    }

    #[test]
    fn a_plain_name_is_part_of_the_command() {
        assert_eq!(
            of("payments-v2.x", "production/eu").as_deref(),
            Some("ripcord rollback payments-v2.x production/eu --incident i-abcdefgh")
        );
    }

    #[test]
    fn a_name_that_means_something_to_a_shell_is_part_of_none() {
        let hostile = [
            "x; rm -rf ~",
            "$(id)",
            "`id`",
            "a b",
            "--yes",
            "-x",
            "",
            "a\nb",
            "a'b",
            "a\"b",
            "a|b",
            "a>b",
            "a&b",
            "~",
            "*",
            "ä",
            "a\u{202e}b",
            "a\\b",
            "!x",
            "#x",
        ];
        for name in hostile {
            assert_eq!(of(name, "production"), None, "{name:?}");
            assert_eq!(of("payments", name), None, "{name:?}");
            assert_eq!(resume(&RecoveryId::new(name)), None, "{name:?}");
        }
    }
}
