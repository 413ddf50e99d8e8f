//! The decision point: a naive model that must agree, tables of who may do what, and what is forwarded.

#[path = "policy/model.rs"]
mod model;
#[path = "policy/random.rs"]
mod random;
#[path = "policy/sealing.rs"]
mod sealing;
#[path = "policy/setting.rs"]
mod setting;
#[path = "policy/table.rs"]
mod table;
