//! Who is asking: the evidence of a request given to its application's identity chain; never decides.

use super::core::Core;
use super::passage::Passage;
use super::pipeline::{Asked, Noted};
use crate::identity::evidence::Evidence;
use crate::policy::{Detail, Judgement};
use crate::request::{CanonicalTarget, RequestView};
use crate::rules::{App, Authority, Route};

/// Whether a route asks for nobody.
pub(super) fn is_public(route: &Route) -> bool {
    matches!(route.authority, Authority::Public)
}

/// Who is asking; on a public route nobody, whatever the request brings.
pub(super) async fn identify(
    core: &Core,
    passage: &mut Passage,
    asked: &Asked<'_>,
    app: &App,
    view: &RequestView<'_>,
    public: bool,
    noted: &mut Noted,
) -> Result<(), Judgement> {
    (passage.subject, passage.source, passage.session) = (None, None, None);
    let evidence = evidence(passage, asked, app, Some(view.target()));
    noted.presented = app.identity.present(&evidence, &core.verifiers);
    if public {
        noted.identified = Some(app.identity.anonymous(&evidence, &noted.presented));
        return Ok(());
    }
    match app.identity.identify(&evidence, &noted.presented, passage.live.people_now(), &core.verifiers).await {
        Ok(mut identified) => {
            // the passage has it from here on
            passage.subject = identified.subject.take();
            passage.source = identified.source;
            passage.session = identified.session;
            noted.identified = Some(identified);
            Ok(())
        }
        Err(error) => {
            passage.source = error.source_kind;
            let refusal = Judgement::refused(error.reason, Detail::text(&error.detail));
            passage.subject = error.subject;
            Err(refusal)
        }
    }
}

/// What a request brings that could tell who asks.
pub(super) fn evidence<'a>(
    passage: &'a Passage,
    asked: &Asked<'a>,
    app: &'a App,
    target: Option<&'a CanonicalTarget>,
) -> Evidence<'a> {
    Evidence {
        head: asked.head,
        target,
        dialect: &app.dialect,
        connection: asked.connection,
        client: passage.client.ip,
        device: &passage.device,
        now: passage.time,
    }
}
