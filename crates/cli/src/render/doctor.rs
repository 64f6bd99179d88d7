//! `ripcord doctor` for people.

use std::io;

use ripcord_runbook::doctor::{Diagnosis, Light};

use super::Screen;

/// Every finding, the worst first.
pub(crate) fn diagnosis(screen: &mut Screen<'_>, diagnosis: &Diagnosis) -> io::Result<()> {
    let mut findings: Vec<_> = diagnosis.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.light));
    for finding in findings {
        let word = match finding.light {
            Light::Green => screen.green("green"),
            Light::Amber => screen.bold("AMBER"),
            Light::Red => screen.red("RED  "),
        };
        let app = finding
            .application
            .as_ref()
            .map_or_else(String::new, |app| format!("{}: ", app.name));
        writeln!(screen.out, "{word}  {app}{}", finding.what)?;
        if let Some(mend) = &finding.mend {
            writeln!(screen.out, "         {mend}")?;
        }
    }
    Ok(())
}
