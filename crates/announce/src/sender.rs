//! Sends what is to be told, with patience, and says what came of it.

mod answer;

use std::time::Duration;

use reqwest::{Client, redirect};

use crate::outgoing::Outgoing;
use answer::Answer;

/// Sends requests that tell somebody something.
#[derive(Clone, Debug)]
pub struct Sender {
    http: Client,
    /// How long one try may take.
    pub limit: Duration,
    /// How often it is tried.
    pub tries: u32,
    /// How long it waits before the second try; twice as long before each further one.
    pub pause: Duration,
    /// The longest that it waits, also where it is asked to wait longer.
    pub longest: Duration,
}

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// It is not taken and will not be: the secret is wrong, or what was sent is.
    Refused {
        /// Why, without secrets.
        why: String,
    },
    /// It was not taken, and may be later.
    Later {
        /// Why, without secrets.
        why: String,
        /// How long to wait before anything else is sent there.
        after: Duration,
    },
    /// Nobody knows whether it was taken, and once more might be twice.
    Unknown {
        /// Why, without secrets.
        why: String,
    },
}

impl Sender {
    /// A sender with the patience that is usual: four tries of ten seconds, with one, two and four seconds between.
    ///
    /// # Errors
    /// No client for HTTP can be made here, and why.
    pub fn new() -> Result<Self, String> {
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent("ripcord")
            // A secret must not be told to another host.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            http,
            limit: Duration::from_secs(10),
            tries: 4,
            pause: Duration::from_secs(1),
            longest: Duration::from_secs(30),
        })
    }

    /// Sends it, again where that can help and cannot be twice.
    pub async fn send(&self, outgoing: &Outgoing) -> Outcome {
        let mut pause = self.pause;
        let mut left = self.tries;
        loop {
            left = left.saturating_sub(1);
            let (why, asked) = match self.once(outgoing).await {
                Answer::Taken => return Outcome::Taken,
                Answer::Refused(why) => return Outcome::Refused { why },
                Answer::Unknown(why) if !outgoing.is_known_again => {
                    return Outcome::Unknown { why };
                }
                Answer::Unknown(why) => (why, None),
                Answer::NotNow(why, asked) => (why, asked),
            };
            // Many who wait the same time would all come back at once.
            let own = pause.mul_f64(0.75 + 0.5 * fastrand::f64());
            let after = asked.unwrap_or(own);
            if left == 0 || after > self.longest {
                return Outcome::Later { why, after };
            }
            tokio::time::sleep(after).await;
            pause = (pause * 2).min(self.longest);
        }
    }

    async fn once(&self, outgoing: &Outgoing) -> Answer {
        let mut request = self.http.post(outgoing.url()).timeout(self.limit);
        for (name, value) in outgoing.headers() {
            request = request.header(name, value);
        }
        let request = request.body(outgoing.body().to_vec());
        match request.send().await {
            Ok(response) => answer::of(outgoing, response).await,
            Err(error) => answer::silence(outgoing, error),
        }
    }
}
