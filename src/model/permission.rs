//! The name of a permission: `resource:operation`.

use compact_str::CompactString;
use std::fmt;

/// A permission, for example `order:delete`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(CompactString);

/// Why a text is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form `resource:operation` (lower-case letters, digits, `-`, `.`, `_`, one colon)")]
pub struct PermissionError(String);

impl Permission {
    /// Reads `resource:operation`.
    ///
    /// # Errors
    /// When there is not exactly one colon, a side is empty, or a character is not a lower-case letter, digit, `-`, `.` or `_`.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'))
        };
        match text.split_once(':') {
            Some((resource, operation)) if part(resource) && part(operation) => Ok(Self(text.into())),
            _ => Err(PermissionError(text.to_owned())),
        }
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.split_once(':').map_or("", |(resource, _)| resource)
    }

    /// The part after the colon.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, operation)| operation)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_a_resource_and_an_operation() {
        let permission = Permission::parse("order:approve-delete").unwrap();
        assert_eq!((permission.resource(), permission.operation()), ("order", "approve-delete"));
        for wrong in ["order", "order:", ":view", "Order:view", "order:view:all", "order view"] {
            assert!(Permission::parse(wrong).is_err(), "{wrong}");
        }
    }
}
