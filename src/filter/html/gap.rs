//! The white space between the rows of a filtered table or list: what is left is as if the rows that are left out had never been there.

use super::fault::HtmlError;

/// White space that has come since the last row that was kept.
#[derive(Debug, Default)]
pub struct Gap {
    /// What follows that row, or the beginning.
    first: Vec<u8>,
    /// What follows the last row of all, where rows were left out since then.
    last: Option<Vec<u8>>,
}

impl Gap {
    /// Takes a piece of text that stands between rows. Only its white space is ever shown, so that no cut of the text matters.
    ///
    /// # Errors
    /// [`HtmlError::HeldTooLarge`] beyond `bound` bytes.
    pub fn take(&mut self, text: &[u8], bound: usize) -> Result<(), HtmlError> {
        let blanks = self.last.as_mut().unwrap_or(&mut self.first);
        blanks.extend(text.iter().filter(|byte| byte.is_ascii_whitespace()));
        if blanks.len() > bound { Err(HtmlError::HeldTooLarge) } else { Ok(()) }
    }

    /// A row was left out.
    pub fn left_out(&mut self) {
        self.last = Some(Vec::new());
    }

    /// What stands before a row that is kept.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// A row was kept, and what stands before it has left.
    pub fn kept(&mut self) {
        self.first.clear();
        self.last = None;
    }

    /// What stands before anything else.
    pub fn close(&mut self) -> Vec<u8> {
        let first = std::mem::take(&mut self.first);
        self.last.take().unwrap_or(first)
    }
}
