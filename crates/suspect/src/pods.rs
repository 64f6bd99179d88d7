//! Whether the pods that alert are those of the new version: the strongest evidence there is.

use std::collections::BTreeMap;

use crate::onset::Pods;

/// Pods of one node or zone fail together, so their number says less than it seems to.
const AT_MOST: f64 = 4.0;

/// How much more probable these counts are if the version is the cause than if nothing changed, as a logarithm,
/// with the sentence. None where one version runs: that all of it alerts says nothing of when that began.
pub(crate) fn weigh(version: &str, running: &BTreeMap<String, Pods>) -> Option<(f64, String)> {
    // A version that runs nowhere was replaced, and what replaced it has its faults, as a rule.
    let new = running.get(version).copied()?;
    let mut old = Pods::default();
    for (_, pods) in running.iter().filter(|(name, _)| *name != version) {
        old.alerting = old.alerting.saturating_add(pods.alerting);
        old.quiet = old.quiet.saturating_add(pods.quiet);
    }
    if old == Pods::default() || new.alerting.saturating_add(old.alerting) == 0 {
        return None;
    }
    // If it is the cause, most of the new and few of the old alert; else each pod alerts as often as the other.
    let cause = marginal(new, 2.0, 1.0) + marginal(old, 1.0, 9.0);
    let together = Pods {
        alerting: new.alerting.saturating_add(old.alerting),
        quiet: new.quiet.saturating_add(old.quiet),
    };
    let nothing = marginal(together, 1.0, 1.0);
    let sentence = format!(
        "{} alert, {} of others",
        share(new, &format!("pods with {version}")),
        share(old, "pods")
    );
    Some(((cause - nothing).clamp(-AT_MOST, AT_MOST), sentence))
}

fn share(pods: Pods, of: &str) -> String {
    let all = pods.alerting.saturating_add(pods.quiet);
    format!("{} of {all} {of}", pods.alerting)
}

/// The logarithm of the probability of one order of these pods, the share of alerting ones being unknown and
/// Beta(a, b) before.
fn marginal(pods: Pods, a: f64, b: f64) -> f64 {
    let (alerting, quiet) = (f64::from(pods.alerting), f64::from(pods.quiet));
    ln_beta(alerting + a, quiet + b) - ln_beta(a, b)
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// Stirling's series, which is exact to ten digits from 10 on; below it the function is shifted up.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(of: &[(&str, u32, u32)]) -> BTreeMap<String, Pods> {
        let pods = |&(version, alerting, quiet): &(&str, u32, u32)| {
            (version.to_owned(), Pods { alerting, quiet })
        };
        of.iter().map(pods).collect()
    }

    #[test]
    fn the_gamma_function_is_that_of_the_tables() {
        assert!(ln_gamma(1.0).abs() < 1e-9);
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-9);
        assert!((ln_gamma(20.0) - 121_645_100_408_832_000f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn only_pods_of_the_new_version_alerting_speaks_against_it() {
        let (weight, sentence) = weigh("2", &running(&[("2", 3, 0), ("1", 0, 9)])).unwrap();
        assert!(weight > 2.0, "{weight}");
        assert_eq!(sentence, "3 of 3 pods with 2 alert, 0 of 9 pods of others");
    }

    #[test]
    fn old_and_new_pods_alerting_alike_speaks_for_it() {
        let (weight, _) = weigh("2", &running(&[("2", 3, 0), ("1", 9, 0)])).unwrap();
        assert!(weight < -2.0, "{weight}");
    }

    #[test]
    fn one_version_alone_says_nothing() {
        assert_eq!(weigh("2", &running(&[("2", 12, 0)])), None);
        assert_eq!(weigh("2", &running(&[])), None);
    }

    #[test]
    fn a_version_that_was_replaced_since_is_not_cleared_by_its_successor() {
        assert_eq!(weigh("2", &running(&[("3", 9, 0)])), None);
    }
}
