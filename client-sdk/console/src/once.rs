//! One form, one act: a form that is sent twice does what it does once.
//!
//! Every form that may change something carries a number of its own in the address that it is sent to. What the first
//! sending did is remembered as the page that it led to, and a repetition is sent there. A sending under way is waited
//! for, and goes on when its browser turns away: a double click cancels the first of its two requests. Whoever goes
//! back and changes what was typed, or chooses another file, sends something else, which is done. Forms that only look
//! something up have no number: looking twice is two records, and nobody waits for what nobody reads any more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::HeaderName;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use ring::rand::{SecureRandom as _, SystemRandom};
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::identity::Identity;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;

/// Bytes of a number: no two forms have the same.
const NUMBER_BYTES: usize = 16;
/// Characters of a number.
const NUMBER_CHARACTERS: usize = 22;
/// Name of the number in an address.
const NAME: &str = "once";
/// Acts of one visitor that are remembered, the newest.
const KEPT_MAX: usize = 128;
/// Visitors whose acts are remembered; then those who rest longest are forgotten.
const VISITORS_MAX: usize = 1_000;

/// Largest form in bytes, files apart.
pub(crate) const FORM_BYTES_MAX: usize = 256 * 1024;

/// A sending: who acts, the number of the form, and what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    visitor: String,
    number: String,
    /// Digest of what was typed; none of a form with files: it is known once they were read.
    typed: Option<Digest>,
}

/// A form as it was sent: its number and the digest of what was typed.
type Sent = (String, Digest);

/// Where an act led; none: it is not done, or was refused.
type Act = Arc<tokio::sync::Mutex<Option<HeaderValue>>>;

/// Acts that were done, by their visitors and forms.
#[derive(Debug, Default)]
pub(crate) struct Once(Mutex<Kept>);

/// One visitor's acts never displace those of others, unless there are very many visitors.
#[derive(Debug, Default)]
struct Kept {
    visitors: HashMap<String, Acts>,
    /// Who acted, the longest ago first.
    order: VecDeque<String>,
}

#[derive(Debug, Default)]
struct Acts {
    acts: HashMap<Sent, Act>,
    order: VecDeque<Sent>,
}

/// An address with a new number, for a form; without one if the operating system gives no random bytes.
pub(crate) fn numbered(address: String) -> String {
    let mut bytes = [0; NUMBER_BYTES];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => {
            let joint = if address.contains('?') { '&' } else { '?' };
            format!("{address}{joint}{NAME}={}", URL_SAFE_NO_PAD.encode(bytes))
        }
        Err(_) => address,
    }
}

/// How a browser writes what was typed into a form without files. Any other way has different bytes each time.
const TYPED: &str = "application/x-www-form-urlencoded";

/// What a request sends by a form, and the request again; the sending is none where no numbered form sent it.
///
/// # Errors
/// The form is too large, or broke off.
pub(crate) async fn sending(
    visitor: &Identity,
    request: Request<Body>,
) -> Result<(Option<Sending>, Request<Body>), axum::Error> {
    let Some(number) = number(&request) else { return Ok((None, request)) };
    let visitor = visitor.to_string();
    let written = text(&request, header::CONTENT_TYPE);
    // Files are read once, by whoever takes the form.
    if !(written.is_empty() || written.starts_with(TYPED)) {
        return Ok((Some(Sending { visitor, number, typed: None }), request));
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, FORM_BYTES_MAX).await?;
    let typed = Some(sha256(&[&body]));
    let request = Request::from_parts(parts, Body::from(body));
    Ok((Some(Sending { visitor, number, typed }), request))
}

fn text(request: &Request<Body>, name: HeaderName) -> &str {
    let value = request.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// The number of the form that a request was sent by.
fn number(request: &Request<Body>) -> Option<String> {
    if request.method() != Method::POST {
        return None;
    }
    let mut pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, number) = pairs.find(|(name, _)| *name == NAME)?;
    (number.len() == NUMBER_CHARACTERS).then(|| number.to_owned())
}

impl Once {
    /// Answers a sending: by doing it, or with where the same one led before. None if doing it broke off.
    pub(crate) async fn answer<Doing>(
        self: &Arc<Self>,
        sending: Sending,
        mut request: Request<Body>,
        doing: impl FnOnce(Request<Body>) -> Doing + Send + 'static,
    ) -> Option<Response<Body>>
    where
        Doing: Future<Output = Response<Body>> + Send + 'static,
    {
        let Sending { visitor, number, typed } = sending;
        let begun = Begun { once: self.clone(), visitor, number, act: Arc::default() };
        // On its own: it must not stop half done because nobody listens any more.
        let done = tokio::spawn(async move {
            match typed {
                Some(typed) => {
                    if let Some(to) = begun.typed(typed).await {
                        return to_page(to);
                    }
                }
                None => drop(request.extensions_mut().insert(begun.clone())),
            }
            let response = doing(request).await;
            begun.end(&response);
            response
        });
        done.await.ok()
    }

    fn act(&self, visitor: &str, sent: Sent) -> Act {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = kept.order.iter().position(|known| known == visitor) {
            kept.order.remove(place);
        } else if kept.order.len() >= VISITORS_MAX
            && let Some(longest) = kept.order.pop_front()
        {
            kept.visitors.remove(&longest);
        }
        kept.order.push_back(visitor.to_owned());
        kept.visitors.entry(visitor.to_owned()).or_default().act(sent)
    }
}

impl Acts {
    fn act(&mut self, sent: Sent) -> Act {
        if let Some(known) = self.acts.get(&sent) {
            return known.clone();
        }
        if self.order.len() >= KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.acts.remove(&oldest);
        }
        self.order.push_back(sent.clone());
        self.acts.entry(sent).or_default().clone()
    }
}

/// A sending that is being answered; whoever reads a form with files finds it beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    once: Arc<Once>,
    visitor: String,
    number: String,
    /// The act, while it is done: a repetition waits for it.
    act: Arc<Mutex<Option<OwnedMutexGuard<Option<HeaderValue>>>>>,
}

impl Begun {
    /// What was typed is known now: where the same sending led before. None: it is to be done.
    pub(crate) async fn typed(&self, typed: Digest) -> Option<HeaderValue> {
        let act = self.once.act(&self.visitor, (self.number.clone(), typed));
        let led = act.lock_owned().await;
        if led.is_none() {
            *self.act.lock().unwrap_or_else(PoisonError::into_inner) = Some(led);
            return None;
        }
        led.clone()
    }

    /// It was answered: what led somewhere is done.
    fn end(&self, response: &Response<Body>) {
        let act = self.act.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut led) = act
            && response.status() == StatusCode::SEE_OTHER
        {
            *led = response.headers().get(header::LOCATION).cloned();
        }
    }
}

/// Answers a request that changes nothing. It ends when its browser turns away; none if it broke off.
pub(crate) async fn looking(
    page: impl Future<Output = Response<Body>> + Send + 'static,
) -> Option<Response<Body>> {
    let mut tasks = JoinSet::new();
    tasks.spawn(page);
    tasks.join_next().await?.ok()
}

/// Sends a browser to where an act led.
pub(crate) fn to_page(to: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, to);
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn key(number: &str) -> Sending {
        let (visitor, number) = ("l-01".to_owned(), number.to_owned());
        Sending { visitor, number, typed: Some(Digest::default()) }
    }

    /// Forms that change nothing, by template and where they are sent to.
    const LOOKING: [(&str, &str); 10] = [
        ("dpo/alarm.html", "{{ s.at(to) }}"),
        ("dpo/incident.html", "{{ s.at(\"/incident\") }}"),
        ("dpo/log.html", "{{ s.at(\"/log\") }}"),
        ("dpo/proof.html", "{{ s.at(\"/log\") }}"),
        ("dpo/record.html", "{{ s.at(\"/log/proof\") }}"),
        ("dpo/report.html", "{{ s.at(\"/report\") }}"),
        ("dpo/results.html", "{{ s.at(\"/log\") }}"),
        ("dpo/results.html", "{{ s.at(\"/log/export\") }}"),
        ("lotse/participants.html", "{{ s.at(\"/participants\") }}"),
        ("lotse/timeline.html", "{{ s.at(person.path()) }}/report"),
    ];

    #[test]
    fn every_form_that_acts_has_a_number() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut folders = vec![templates.clone()];
        let (mut acting, mut looking) = (0, BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let template = std::fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(&templates).unwrap().to_str().unwrap();
                // A button can send a form elsewhere.
                let forms = template.split("<form ").skip(1);
                for form in forms.chain(template.split(" formaction=").skip(1)) {
                    let form = form.split('>').next().unwrap();
                    let looks = |(of, to): &&(&str, &str)| *of == name && form.contains(to);
                    if let Some(known) = LOOKING.iter().find(looks) {
                        looking.insert(known);
                        continue;
                    }
                    let is_numbered = ["{{ s.act(", "{{ s.act_in(", "\"{{ action }}\""];
                    let is_numbered = is_numbered.iter().any(|action| form.contains(action));
                    assert!(is_numbered, "{path:?}: {form}");
                    acting += 1;
                }
            }
        }
        assert!(acting > 35, "{acting}");
        assert_eq!(looking.len(), LOOKING.len(), "{looking:?}");
    }

    #[tokio::test]
    async fn what_is_typed_anew_is_another_sending() {
        let visitor = Identity::parse("spiffe://schleuse.test/agency/lotsen/lotse/l-01").unwrap();
        let to = numbered("/de/x".to_owned());
        let sent = async |typed: &'static str| {
            let request = Request::builder().method("POST").uri(&to);
            let (sending, request) =
                sending(&visitor, request.body(Body::from(typed)).unwrap()).await.unwrap();
            let body = axum::body::to_bytes(request.into_body(), 100).await.unwrap();
            assert_eq!(body, typed.as_bytes());
            sending.unwrap()
        };
        assert_eq!(sent("a=1").await, sent("a=1").await);
        assert_ne!(sent("a=1").await, sent("a=2").await);
        let large = Body::from(vec![b'a'; FORM_BYTES_MAX + 1]);
        let request = Request::builder().method("POST").uri(&to);
        assert!(sending(&visitor, request.body(large).unwrap()).await.is_err());
    }

    #[test]
    fn a_number_is_read_off_what_a_form_is_sent_to() {
        let sent = |method: &str, to: &str| {
            let request = Request::builder().method(method).uri(to).body(Body::empty()).unwrap();
            number(&request)
        };
        let to = numbered("/de/x".to_owned());
        let read = sent("POST", &to).unwrap();
        assert_eq!(to, format!("/de/x?once={read}"));
        assert_eq!(numbered("/de/x?y=1".to_owned()).split_once("&once=").unwrap().0, "/de/x?y=1");
        assert_ne!(numbered(String::new()), numbered(String::new()));
        assert_eq!(sent("GET", &to), None);
        assert_eq!(sent("POST", "/de/x"), None);
        assert_eq!(sent("POST", "/de/x?once=short"), None);
    }

    fn request() -> Request<Body> {
        Request::new(Body::empty())
    }

    #[tokio::test]
    async fn what_a_form_did_is_done_once_even_if_nobody_waits_for_it() {
        let (once, count) = (Arc::new(Once::default()), Arc::new(AtomicUsize::new(0)));
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let doing = |wait: Option<tokio::sync::oneshot::Receiver<()>>| {
            let count = count.clone();
            move |_| async move {
                if let Some(wait) = wait {
                    wait.await.unwrap();
                }
                count.fetch_add(1, Ordering::SeqCst);
                crate::see_other("/done")
            }
        };
        // The browser turns away from the first sending while it is under way, and sends again.
        {
            let mut first = Box::pin(once.answer(key("one"), request(), doing(Some(gone))));
            assert!(futures_now(first.as_mut()).await);
        }
        let second = once.answer(key("one"), request(), doing(None));
        go.send(()).unwrap();
        assert_eq!(second.await.unwrap().headers()[header::LOCATION], "/done");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        once.answer(key("two"), request(), doing(None)).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    /// What was typed into a form with files is known when they were read.
    #[tokio::test]
    async fn a_form_with_files_is_told_apart_by_what_was_in_it() {
        let once = Arc::new(Once::default());
        let sent = async |typed: &'static str, to: &'static str| {
            let doing = move |request: Request<Body>| async move {
                let begun: &Begun = request.extensions().get().unwrap();
                match begun.typed(sha256(&[typed.as_bytes()])).await {
                    Some(to) => to_page(to),
                    None => crate::see_other(to),
                }
            };
            let sending = Sending { typed: None, ..key("one") };
            let answer = once.answer(sending, request(), doing).await.unwrap();
            answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
        };
        assert_eq!(sent("6 months", "/first").await, "/first");
        assert_eq!(sent("6 months", "/again").await, "/first");
        assert_eq!(sent("3 months", "/second").await, "/second");
        assert_eq!(sent("3 months", "/again").await, "/second");
    }

    #[tokio::test]
    async fn what_only_looks_ends_with_its_browser_and_a_panic_ends_it_alone() {
        let (told, mut tells) = tokio::sync::oneshot::channel::<()>();
        {
            let page = async move {
                let _kept = told;
                std::future::pending().await
            };
            let mut page = Box::pin(looking(page));
            assert!(futures_now(page.as_mut()).await);
        }
        // One thread: whatever was asked to end has ended when this goes on.
        tokio::task::yield_now().await;
        let told = tells.try_recv();
        assert_eq!(told, Err(TryRecvError::Closed), "nobody makes the page any more");
        assert!(looking(async { panic!("broken") }).await.is_none());
        let page = looking(async { crate::see_other("/") }).await;
        assert_eq!(page.unwrap().status(), StatusCode::SEE_OTHER);
    }

    /// Begins a future; whether it is still under way.
    async fn futures_now<F: Future + Unpin>(future: F) -> bool {
        let mut future = future;
        std::future::poll_fn(|context| {
            let polled = std::pin::Pin::new(&mut future).poll(context);
            std::task::Poll::Ready(polled.is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn what_was_refused_can_be_sent_again() {
        let once = Arc::new(Once::default());
        let refuse = |_| async { Response::builder().status(422).body(Body::empty()).unwrap() };
        assert_eq!(once.answer(key("one"), request(), refuse).await.unwrap().status(), 422);
        let led = |_| async { crate::see_other("/done") };
        let done = once.answer(key("one"), request(), led).await.unwrap();
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        let broken = |_| async { panic!("broken") };
        assert!(once.answer(key("three"), request(), broken).await.is_none());
        let done = once.answer(key("three"), request(), led).await.unwrap();
        assert_eq!(done.status(), StatusCode::SEE_OTHER, "and can be done after that");
    }

    #[test]
    fn each_visitors_newest_acts_are_remembered() {
        let once = Once::default();
        let sent = |number: usize| (number.to_string(), Digest::default());
        let is_known = |visitor: &str, number: usize| {
            let kept = once.0.lock().unwrap();
            kept.visitors.get(visitor).is_some_and(|one| one.acts.contains_key(&sent(number)))
        };
        once.act("quiet", sent(0));
        for number in 0..=KEPT_MAX {
            once.act("busy", sent(number));
        }
        assert!(!is_known("busy", 0) && is_known("busy", 1) && is_known("busy", KEPT_MAX));
        assert!(is_known("quiet", 0), "nobody displaces the acts of others");
        for number in 0..VISITORS_MAX - 1 {
            once.act(&format!("visitor {number}"), sent(0));
            once.act("busy", sent(KEPT_MAX));
        }
        assert!(!is_known("quiet", 0) && is_known("busy", 1));
        let kept = once.0.lock().unwrap();
        assert_eq!((kept.visitors.len(), kept.order.len()), (VISITORS_MAX, VISITORS_MAX));
    }
}
