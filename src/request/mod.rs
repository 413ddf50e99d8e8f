//! What a request says, read in exactly one way under the application's dialect; never who may do what.
//!
//! [`CanonicalTarget`] is the only reader of targets, [`RequestView`] the only reader of parameters. What was judged is
//! what is written again: every reader here has its writer beside it.

mod allowance;
mod body;
mod canonical;
mod charset;
mod dialect;
mod error;
mod escape;
mod forward;
mod header;
mod hop;
mod json;
mod location;
mod media;
mod method;
mod multipart;
mod name;
mod noted;
mod param;
mod rpc;
mod secret;
mod secret_path;
mod segment;
mod soap;
mod typed;
mod unnamed;
mod view;
mod xml;

pub use allowance::{Allowance, Allowances};
pub use body::{BodyLimits, ContentTypes, JudgedBody, RawContentType};
pub use canonical::{CanonicalTarget, TargetLimits};
pub use charset::Charset;
pub use dialect::{Base, Dialect, Duplicates, Naming, Place, RawDialect};
pub use error::{BodyError, MethodOverride, ParamError, TargetError};
pub use forward::{ForwardBody, ForwardError, ForwardHead, ForwardedFor, write_forward_head};
pub use header::folds_to;
pub(crate) use json::Json;
pub use location::{
    CookieLocation, Cookies, FileNameLocation, FormLocation, HeaderLocation, JsonInLocation, JsonLocation, Location,
    LocationError, MultipartLocation, ParamLocation, PathLocation, PathSlot, QueryLocation, RawJsonIn, RawLocation,
    RpcLocation, SoapLocation, XmlLocation,
};
pub(crate) use media::MediaType;
pub use method::{OverrideHeaders, check_override};
pub use name::ParamName;
pub(crate) use noted::Noted;
pub use param::{ParamList, ParamValues, Value};
pub use rpc::MULTICALL;
pub use secret::{REDACTED, SecretNames, redact_target, redact_target_into};
pub use secret_path::SecretPath;
pub use segment::{PathParameter, Segment};
pub use typed::{Elements, Misfit, ParamType, RawList, RawParamType, TypeError};
pub use view::{Edit, RequestView, Unnamed};
