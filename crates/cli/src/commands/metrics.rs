//! `metrics`.

use ripcord_casebook::Asked;
use ripcord_domain::{Kind, Problem};
use ripcord_metrics::{Period, Rules, csv, text};

use crate::args::MetricsArgs;
use crate::moment;
use crate::render::Output;
use crate::wiring;

pub(super) fn run(args: &MetricsArgs, output: &mut Output) -> Result<(), Problem> {
    let now = moment::now();
    let from = moment::parse("--since", &args.since, now)?;
    let to = match &args.until {
        Some(until) => moment::parse("--until", until, now)?,
        None => now,
    };
    if from >= to {
        let text = format!("the period from {from} to {to} is empty");
        return Err(Problem::new(Kind::Usage, "bad_time", text)
            .hint("`--since` is before `--until`, which is now if it is not given"));
    }
    let asked = Asked {
        service: args.service.clone(),
        environment: args.environment.clone(),
        period: Period { from, to },
        now,
        rules: Rules {
            caught_is_failed: args.caught_is_failed,
            commit_is_deployment: args.commits,
            ..Rules::default()
        },
    };
    let mut records = wiring::records(&args.records)?;
    let metrics = ripcord_casebook::metrics(records.as_mut(), &asked)?;
    if args.csv {
        let rows = csv(&metrics)
            .map_err(|error| Problem::new(Kind::Internal, "no_csv", error.to_string()))?;
        output.raw(&rows);
        return Ok(());
    }
    output.value(&metrics, |screen| {
        write!(screen.out, "{}", text::figures(&metrics))?;
        if args.rows {
            write!(screen.out, "\n{}", text::rows(&metrics))?;
        }
        Ok(())
    });
    Ok(())
}
