//! What pages say: first what is wrong and what to do.

use ripcord_domain::incident::event::Fact;
use ripcord_domain::incident::report::{AlertReport, AlertState, DeployStage};
use ripcord_domain::recovery::Standing;
use ripcord_pages::Filter;

use crate::parsed::Page;
use crate::story::{Told, alert, deploy, place, recovery, review, view};

/// A deploy, and an alert four minutes later.
fn broken() -> Told {
    let mut told = Told::new();
    let payments = place("payments", "production");
    let bad = Fact::Deploy(deploy("v16", DeployStage::Started));
    told.tell("17:10:00", &payments, bad);
    let fires = Fact::Alert(alert("payments fail", AlertState::Firing, None));
    told.tell("17:15:00", &payments, fires);
    told
}

fn text_of(page: &Page, id: &str) -> String {
    let text = &page.by_id(id).unwrap().text;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_one_thing_to_do_is_the_way_back_of_the_suspect_with_its_exact_command() {
    let mut told = broken();
    let id = told.case().brief.id;
    let page = Page::of(&told.incident_page());
    let command = format!("ripcord rollback payments production --incident {id}");
    assert_eq!(text_of(&page, "command"), command);
    let now = text_of(&page, "now");
    for part in [
        "This leaves v16",
        "it ran v15",
        "does not run recoveries itself yet",
        "overdue for 3 min",
    ] {
        assert!(now.contains(part), "{part}: {now}");
    }
    assert!(now.contains("the alert `payments fail` fires"), "{now}");
    let cause = text_of(&page, "cause");
    for part in [
        "Most likely deploy",
        "For it: started 4 min before the alert",
        "No deploy explains this",
    ] {
        assert!(cause.contains(part), "{part}: {cause}");
    }
}

#[test]
fn where_a_recovery_is_under_way_there_is_nothing_to_press() {
    let mut told = broken();
    let running = Fact::Recovery(recovery(Standing::Running));
    told.tell("17:18:00", &place("payments", "production"), running);
    let page = Page::of(&told.incident_page());
    let now = text_of(&page, "now");
    assert!(now.contains("A recovery is under way"), "{now}");
    assert!(now.contains("do not begin another one"), "{now}");
    assert!(page.by_id("command").is_none());
}

#[test]
fn each_standing_of_a_recovery_leads_to_another_step() {
    let steps = [
        (Standing::Partial, "ripcord resume r-abcdefgh"),
        (Standing::Relapsed, "The bad version came back"),
        (Standing::Restored, "It was put back, and it is not over"),
        (Standing::Failed, "ripcord rollback payments production"),
        (Standing::GaveWay, "ripcord rollback payments production"),
    ];
    for (standing, said) in steps {
        let mut told = broken();
        let fact = Fact::Recovery(recovery(standing));
        told.tell("17:18:00", &place("payments", "production"), fact);
        let now = text_of(&Page::of(&told.incident_page()), "now");
        assert!(now.contains(said), "{standing:?}: {now}");
    }
}

#[test]
fn when_nothing_fires_the_one_thing_to_do_is_to_close_it() {
    let mut told = broken();
    let ended = Fact::Alert(alert(
        "payments fail",
        AlertState::Resolved,
        Some("17:19:00"),
    ));
    told.tell("17:19:00", &place("payments", "production"), ended);
    let page = Page::of(&told.incident_page());
    assert!(text_of(&page, "now").contains("close it when you are sure"));
    assert!(page.by_id("close").unwrap().attribute("open").is_some());
}

#[test]
fn an_alert_without_a_deploy_is_not_blamed_on_one() {
    let mut told = Told::new();
    let fires = Fact::Alert(alert("payments fail", AlertState::Firing, None));
    told.tell("17:15:00", &place("payments", "production"), fires);
    let page = Page::of(&told.incident_page());
    assert!(text_of(&page, "now").contains("No deploy of it is known here"));
    assert!(text_of(&page, "cause").contains("What was not told here cannot be suspected"));
}

#[test]
fn where_no_deploy_explains_it_the_way_back_is_not_what_is_asked_for_first() {
    let mut told = Told::new();
    let payments = place("payments", "production");
    // A deploy of long before, which nothing speaks for.
    let old = Fact::Deploy(deploy("v16", DeployStage::Healthy));
    let mut event = told.event("00:00:00", &payments, old);
    event.observed -= jiff::SignedDuration::from_hours(5);
    told.file(&[event]);
    let fires = Fact::Alert(alert("payments fail", AlertState::Firing, None));
    told.tell("17:15:00", &payments, fires);
    let page = Page::of(&told.incident_page());
    let now = text_of(&page, "now");
    assert!(
        now.starts_with("Find the cause: no deploy explains this"),
        "{now}"
    );
    assert!(page.by_id("command").is_some());
}

#[test]
fn health_that_nobody_told_is_unknown() {
    let mut told = broken();
    let committed = Fact::Deploy(deploy("v3", DeployStage::Committed));
    told.tell("16:00:00", &place("search", "production"), committed);
    let healthy = Fact::Deploy(deploy("v8", DeployStage::Healthy));
    told.tell("16:00:00", &place("cart", "staging"), healthy);
    let board = Page::of(&ripcord_pages::board(&view("olga"), &told.board()));
    let rows: Vec<String> = board.all("tr").map(|row| row.text.clone()).collect();
    let row = |service: &str| rows.iter().find(|row| row.starts_with(service)).unwrap();
    assert!(
        rows[1].starts_with("payments"),
        "trouble comes first: {rows:?}"
    );
    assert!(row("payments").contains("alert fires"), "{rows:?}");
    assert!(row("search").contains("health unknown"), "{rows:?}");
    assert!(
        row("cart").contains("healthy") && row("cart").contains("told 1 h 20 min ago"),
        "{rows:?}"
    );
    assert!(
        board
            .all("h1")
            .next()
            .unwrap()
            .text
            .contains("1 incident is open")
    );
}

#[test]
fn health_is_what_was_told_last_even_of_a_deploy_that_had_been_healthy_before() {
    let mut told = Told::new();
    let cart = place("cart", "production");
    for (when, stage) in [
        ("15:00:00", DeployStage::Healthy),
        ("15:10:00", DeployStage::Degraded),
        ("15:20:00", DeployStage::Healthy),
    ] {
        told.tell(when, &cart, Fact::Deploy(deploy("v8", stage)));
    }
    let board = Page::of(&ripcord_pages::board(&view("olga"), &told.board()));
    let row = board.all("tr").nth(1).unwrap();
    assert!(
        row.text.contains("healthy") && !row.text.contains("unhealthy"),
        "{}",
        row.text
    );
}

#[test]
fn a_filter_shows_what_it_says_and_how_much_it_leaves_out() {
    let mut told = broken();
    let note = Fact::Note {
        text: "the provider is fine".to_owned(),
    };
    let mut event = told.event("17:17:00", &place("payments", "production"), note);
    event.incident = Some(told.case().brief.id);
    told.file(&[event]);
    let case = told.case();
    let page = |filter| {
        let html = ripcord_pages::incident(&view("olga"), &case, &review(&case), filter, false);
        Page::of(&html)
    };
    let all = page(Filter::default());
    assert!(text_of(&all, "left-out").starts_with("3 entries"));
    let people = page(Filter::new(Some("people"), false, false));
    let entries = text_of(&people, "entries");
    assert!(
        entries.contains("the provider is fine") && !entries.contains("alert fires"),
        "{entries}"
    );
    assert!(text_of(&people, "left-out").contains("2 not shown"));
    assert_eq!(
        Filter::new(Some("<script>"), false, false),
        Filter::default()
    );
}

#[test]
fn a_reader_who_may_only_read_sees_no_form_but_the_way_out() {
    let mut told = broken();
    let case = told.case();
    let mut view = view("vera");
    view.reader.may_write = false;
    view.reader.is_admin = false;
    let html = ripcord_pages::incident(&view, &case, &review(&case), Filter::default(), false);
    let page = Page::of(&html);
    let actions: Vec<_> = page
        .all("form")
        .map(|form| form.attribute("action").unwrap())
        .collect();
    assert_eq!(actions, ["/logout"]);
    assert!(!page.text.contains("Dead letters"));
}

#[test]
fn every_field_has_a_label_every_id_is_there_once_and_headings_have_no_gap() {
    let mut told = broken();
    let pages = [
        told.incident_page(),
        ripcord_pages::board(&view("olga"), &told.board()),
        ripcord_pages::incidents(&view("olga"), &told.briefs()),
        ripcord_pages::login("/", Some("No such token.")),
    ];
    for html in pages {
        let page = Page::of(&html);
        let mut ids: Vec<_> = page
            .elements
            .iter()
            .filter_map(|one| one.attribute("id"))
            .collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "an id is there twice");
        let labelled: Vec<_> = page
            .all("label")
            .filter_map(|one| one.attribute("for"))
            .collect();
        let fields = page.all("input").chain(page.all("textarea"));
        for field in fields.filter(|field| field.attribute("type") != Some("hidden")) {
            assert!(
                labelled.contains(&field.attribute("id").unwrap()),
                "{field:?}"
            );
        }
        let levels: Vec<u32> = page
            .elements
            .iter()
            .filter_map(|one| one.name.strip_prefix('h')?.parse().ok())
            .collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
        assert!(
            levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
            "{levels:?}"
        );
    }
}

#[test]
fn a_burst_of_alerts_leaves_a_page_that_can_be_read() {
    let mut told = broken();
    let payments = place("payments", "production");
    let burst: Vec<_> = (0..1000)
        .map(|number| {
            let report = AlertReport {
                alert: format!("pod-{number}"),
                ..alert(&format!("pod {number} fails"), AlertState::Firing, None)
            };
            told.event("17:16:00", &payments, Fact::Alert(report))
        })
        .collect();
    told.file(&burst);
    let page = Page::of(&told.incident_page());
    let entries = page
        .all("li")
        .filter(|one| one.attribute("id").is_some_and(|id| id.starts_with("e-")));
    assert_eq!(entries.count(), 300);
    assert!(text_of(&page, "left-out").contains("702 earlier"));
    assert!(text_of(&page, "now").contains("and 993 more"));
    assert!(text_of(&page, "head").contains("1001 alerts fire"));
}
