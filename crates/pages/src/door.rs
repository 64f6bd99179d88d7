//! The way in: signing in, and coming in from a link of another site.

use maud::html;
use ripcord_review::escape;

use crate::shell::outside;

/// Asks for a token. `next` is where the person wanted to go; `wrong` says why they are asked again.
pub fn login(next: &str, wrong: Option<&str>) -> String {
    let main = html! {
        h1 { "Sign in" }
        @if let Some(wrong) = wrong { p.wrong role="alert" id="wrong" { (wrong) } }
        form.stacked method="post" action="/login" {
            input type="hidden" name="next" value=(next);
            label for="token" { "Your token" }
            input id="token" name="token" type="password" required autofocus autocomplete="current-password"
                spellcheck="false" aria-describedby=[wrong.map(|_| "wrong")];
            button.main type="submit" { "Sign in" }
        }
        p.note { "It is the token that an administrator gave you. You stay signed in for 12 hours on this browser." }
    };
    outside("Sign in", None, &main)
}

/// Goes to the same address once more. A browser that follows a link of another site does not say who it is; when it
/// comes from here, it does.
pub fn bounce(address: &str) -> String {
    let main = html! {
        h1 { "Going on" }
        p { a href=(address) { "Go on to " (escape::line(address)) } }
    };
    outside("Going on", Some(address), &main)
}
