//! What lists that pass through tell of their objects, kept for later requests: from whole answers and shown rows only. Never holds
//! an answer up, and never changes a byte of it.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use compact_str::CompactString;
use http_body::{Body, Frame, SizeHint};
use rustc_hash::FxHashSet;

use super::told::parsed;
use crate::facts::{Attributes, Object, Ticket, Whose};
use crate::filter::Coding;
use crate::gateway::core::Core;
use crate::gateway::passage::Passage;
use crate::gateway::pipeline::Judged;
use crate::lookup::{Lookup, Origin, Values};
use crate::model::{Outcome, SubjectId, Timestamp};
use crate::rules::App;
use crate::wire::body::AnswerBody;
use crate::wire::error::WireError;
use crate::wire::head::ResponseHead;
use crate::wire::writer::AnswerHead;

/// The most objects that one answer tells of.
const MOST: usize = 1000;
/// A longer list is read off the core.
const LONG: usize = 256 << 10;

/// What is to be learned from the answer to one request.
pub(in crate::gateway) struct Lesson {
    attributes: Arc<Attributes>,
    app: Arc<App>,
    /// The lookups, and the place among their lists.
    sources: Vec<(Arc<Lookup>, usize)>,
    revision: CompactString,
    subject: Option<SubjectId>,
    /// Taken before the request was sent: a change since then makes the answer doubtful.
    ticket: Ticket,
    at: Timestamp,
    /// The most bytes that are listened to.
    most: usize,
}

impl Lesson {
    /// What the answer to this request may tell; nothing where it was not judged, or no lookup learns from its route. To be asked
    /// before the request is sent.
    pub fn of(core: &Core, passage: &Passage, judged: &Judged<'_>) -> Option<Box<Self>> {
        let route = passage.route.as_ref()?;
        let judgement = judged.judgement.outcome();
        if !matches!(judgement, Outcome::Permit | Outcome::Held) {
            return None;
        }
        let mut sources = Vec::new();
        for lookup in &judged.app.lookups {
            // SECURITY: what a person was shown holds for that person, and what nobody in particular was shown for nobody.
            let known = lookup.shared || passage.subject.is_some();
            let of_route = lookup.learned.iter().position(|learned| learned.route == route.id);
            sources.extend(of_route.filter(|_| known).map(|at| (Arc::clone(lookup), at)));
        }
        let most = sources.iter().map(|(lookup, _)| lookup.cap).max()?;
        let shared = core.shared();
        Some(Box::new(Self {
            attributes: Arc::clone(&shared.attributes),
            app: Arc::clone(judged.app),
            sources,
            revision: passage.live.rules.revision.as_str().into(),
            subject: passage.subject.clone(),
            ticket: shared.attributes.ticket(),
            at: passage.time,
            most,
        }))
    }

    /// The answer begins with `head`; nothing where one that begins so tells nothing.
    pub fn hear(self: Box<Self>, head: &ResponseHead) -> Option<Told> {
        let codings = Coding::listed(head.values("content-encoding")).ok().filter(|_| head.status == 200)?;
        let content_type = head.values("content-type").map(<[u8]>::to_vec).collect();
        let ear = Ear::new(self.most);
        Some(Told { lesson: self, content_type, codings, ear })
    }

    fn keep(&self, lookup: &Lookup, key: &str, values: &Values) {
        let object = Object { app: &self.app.name, lookup: &lookup.name, key };
        let subject = self.subject.as_ref().filter(|_| !lookup.shared);
        let whose = Whose { revision: &self.revision, subject };
        self.attributes.keep(&object, &whose, self.ticket, values, Origin::Learned, self.at, lookup.keep);
    }

    /// Keeps what a whole answer tells of the objects that were shown. Where a filter stood between, the values are those of the
    /// application, since a mask may have changed what was shown.
    ///
    /// SECURITY: of a row that was hidden nothing is kept, or the time that a later refusal takes would tell that the row exists
    /// (`of_a_hidden_row_nothing_is_learned`).
    fn learn(&self, content_type: &[Vec<u8>], codings: &[Coding], answer: &[u8], shown: Option<(&[Coding], &[u8])>) {
        let read = |codings: &[Coding], bytes: &[u8], content_type: &[Vec<u8>], most| {
            parsed(content_type.iter().map(Vec::as_slice), codings, bytes, most)
        };
        let Some((page, length)) = read(codings, answer, content_type, self.most) else { return };
        let json = [b"application/json".to_vec()];
        let shown = match shown {
            None => None,
            Some((codings, bytes)) => match read(codings, bytes, &json, self.most) {
                Some((page, _)) => Some(page),
                None => return,
            },
        };
        for (lookup, at) in &self.sources {
            let Some(learned) = lookup.learned.get(*at).filter(|_| length <= lookup.cap) else { continue };
            let visible: Option<FxHashSet<CompactString>> =
                shown.as_ref().map(|page| lookup.keys_of_list(&learned.items, page).collect());
            let told = lookup.of_list(&learned.items, &page);
            let seen = told.iter().filter(|(key, _)| visible.as_ref().is_none_or(|visible| visible.contains(key)));
            seen.take(MOST).for_each(|(key, values)| self.keep(lookup, key, values));
        }
    }
}

/// An answer that is being listened to.
pub(in crate::gateway) struct Told {
    lesson: Box<Lesson>,
    content_type: Vec<Vec<u8>>,
    codings: Vec<Coding>,
    ear: Rc<Ear>,
}

impl Told {
    /// Hears what the application sends, where a filter stands behind it.
    pub fn before(&self, body: AnswerBody) -> AnswerBody {
        listen(body, &self.ear, None)
    }

    /// What the client is shown is what the application sends: learns when it has come to its end.
    pub fn whole(self, body: AnswerBody) -> AnswerBody {
        let ear = Rc::clone(&self.ear);
        let heard = Rc::clone(&ear);
        listen(body, &ear, Some(Box::new(move || self.learn(&heard, None))))
    }

    /// What the client is shown has passed a filter, and goes out under `head`: learns when that has come to its end.
    pub fn filtered(self, head: &AnswerHead, body: AnswerBody) -> AnswerBody {
        let fields = head.fields().filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"));
        let Ok(codings) = Coding::listed(fields.map(|(_, value)| value)) else { return body };
        let (answer, shown) = (Rc::clone(&self.ear), Ear::new(self.lesson.most));
        let heard = Rc::clone(&shown);
        listen(body, &shown, Some(Box::new(move || self.learn(&answer, Some((codings, &heard))))))
    }

    fn learn(self, answer: &Ear, shown: Option<(Vec<Coding>, &Ear)>) {
        let Some(answer) = answer.take() else { return };
        let shown = match shown {
            None => None,
            Some((codings, ear)) => match ear.take() {
                Some(bytes) => Some((codings, bytes)),
                None => return,
            },
        };
        let Self { lesson, content_type, codings, .. } = self;
        let long = answer.len() > LONG;
        let work = move || {
            let shown = shown.as_ref().map(|(codings, bytes)| (codings.as_slice(), bytes.as_slice()));
            lesson.learn(&content_type, &codings, &answer, shown);
        };
        if long {
            drop(tokio::task::spawn_blocking(work));
        } else {
            work();
        }
    }
}

/// What was heard of a body so far; nothing where it is longer than is listened to.
struct Ear {
    heard: RefCell<Option<Vec<u8>>>,
    ended: Cell<bool>,
    most: usize,
}

impl Ear {
    fn new(most: usize) -> Rc<Self> {
        Rc::new(Self { heard: RefCell::new(Some(Vec::new())), ended: Cell::new(false), most })
    }

    fn hear(&self, data: &[u8]) {
        let mut heard = self.heard.borrow_mut();
        let fits = heard.as_ref().is_some_and(|heard| heard.len().saturating_add(data.len()) <= self.most);
        match &mut *heard {
            Some(heard) if fits => heard.extend_from_slice(data),
            heard => *heard = None,
        }
    }

    /// All of it, where it came to its end.
    fn take(&self) -> Option<Vec<u8>> {
        self.heard.borrow_mut().take().filter(|_| self.ended.get())
    }
}

type AtEnd = Box<dyn FnOnce()>;

/// The body, with `ear` hearing what passes, and `end` done when it has come to its end.
fn listen(body: AnswerBody, ear: &Rc<Ear>, end: Option<AtEnd>) -> AnswerBody {
    match body {
        AnswerBody::Full(bytes) => {
            ear.hear(&bytes);
            ear.ended.set(true);
            if let Some(end) = end {
                end();
            }
            AnswerBody::Full(bytes)
        }
        AnswerBody::Stream(_) => AnswerBody::stream(Heard { inner: body, ear: Rc::clone(ear), end }),
        body @ (AnswerBody::Empty | AnswerBody::Tunnel(_)) => body,
    }
}

/// A body that is heard as it passes.
struct Heard {
    inner: AnswerBody,
    ear: Rc<Ear>,
    end: Option<AtEnd>,
}

impl Body for Heard {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let whole = match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.ear.hear(data);
                }
                // whoever reads may ask no more after the last piece
                self.inner.is_end_stream()
            }
            Some(Err(_)) => {
                self.end = None;
                false
            }
            None => true,
        };
        if whole
            && !self.ear.ended.replace(true)
            && let Some(end) = self.end.take()
        {
            end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
