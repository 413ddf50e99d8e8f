//! Whether an operation changes something in the application.

/// The effect of an operation on the application behind the gateway.
///
/// Retry after a byte was written, judging by the answer and running again need [`Effect::None`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It only reads.
    None,
    /// It may change something; the default, because old applications delete by GET.
    #[default]
    Change,
}
