//! Stories: people at browsers before the running gateway and three recording applications; what each asserts is what the
//! application received, what the person saw, and what the journal says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "stories/support"]
mod support {
    pub mod browser;
    pub mod house;
    pub mod http2;
    pub mod websocket;
}

#[path = "stories"]
mod stories {
    mod checker;
    mod customer_service;
    mod department_admin;
    mod export;
    mod failures {
        mod framing;
        mod header;
        mod host;
        mod parameter;
        mod table;
        mod target;
    }
    mod finance;
    mod front_desk;
    mod frozen;
    mod http2;
    mod inference;
    mod keeper;
    mod lead;
    mod live;
    mod lookup;
    mod marketing;
    mod observe;
    mod page;
    mod picker;
    mod reload;
    mod route_by_body;
    mod sales_rep;
    mod seasonal_temp;
    mod session;
    mod slow;
    mod stranger;
    mod system_admin;
    mod technician;
}
