use super::*;

fn callers(per_minute: u32) -> Callers {
    let token = |name: &str| Token {
        name: name.to_owned(),
        role: Role::Viewer,
        secret: Secret::new(format!("secret-of-{name}")),
    };
    let pace = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
    Callers::new(vec![token("vera"), token("rosa")], pace)
}

#[test]
fn one_who_calls_too_often_waits_and_keeps_nobody_else_out() {
    let callers = callers(3);
    for _ in 0..3 {
        assert!(callers.known(Some("Bearer secret-of-vera")).is_ok());
    }
    let stopped = callers.known(Some("Bearer secret-of-vera"));
    assert!(
        matches!(stopped, Err(Stopped::TooFast(TooFast { seconds: 1..=60 }))),
        "it is said how long: {stopped:?}"
    );
    assert!(callers.known(Some("Bearer secret-of-rosa")).is_ok());
}

#[test]
fn guesses_are_slowed_and_who_has_a_token_is_let_through() {
    let callers = callers(600);
    let guess = |guess: u32| callers.known(Some(&format!("Bearer guess-{guess}")));
    for tried in 0..GUESSES.get() {
        assert_eq!(guess(tried), Err(Stopped::Unknown));
    }
    // The bucket fills again while this runs; far more than it holds is not answered.
    let unanswered = (0..GUESSES.get()).filter(|&tried| guess(tried) != Err(Stopped::Unknown));
    assert!(unanswered.count() > 50);
    assert!(callers.known(Some("Bearer secret-of-rosa")).is_ok());
}
