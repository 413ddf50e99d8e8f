//! Stand-ins for types that `request` is about to deliver; nothing of this file stays.
#![allow(missing_docs)]

use compact_str::CompactString;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    Path(CompactString),
    Query(CompactString),
    Form(CompactString),
    Multipart(CompactString),
    Json(CompactString),
    Header(CompactString),
    Cookie(CompactString),
    Param(CompactString),
}

#[derive(Clone, Debug)]
pub struct ParamType;

#[derive(Clone, Debug)]
pub struct Dialect;

#[derive(Debug)]
pub struct RequestView;
