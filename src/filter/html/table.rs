//! A table or list whose rows are judged: its titles, where its columns are, and the judgement of one row.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::fault::HtmlError;
use super::hold::{Hold, Part, Target};
use super::place::{Column, Place};
use super::plan::{PageMask, Rows};
use crate::filter::judge::{DimensionNo, GrantNo, Terms};
use crate::filter::mask::{Form, Shown};
use crate::filter::plan::Kept;

/// What the rows of a table or list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// `tr` of the table itself.
    Rows,
    /// Children of this name.
    Children(&'static str),
    /// What the rule's `each` selects.
    Selected,
}

/// One table or list on the page.
#[derive(Debug)]
pub struct Container {
    /// The number of its rule.
    pub rule: usize,
    /// Its element.
    pub serial: u32,
    /// What its rows are.
    pub items: Items,
    titles: Vec<(usize, usize, CompactString)>,
    width: Option<usize>,
    rows: usize,
    /// Rows with data have begun.
    begun: bool,
}

/// Values of a row, by dimension.
type Values = SmallVec<[(DimensionNo, CompactString); 4]>;

impl Container {
    /// One that begins.
    #[must_use]
    pub fn new(rule: usize, serial: u32, items: Items) -> Self {
        Self { rule, serial, items, titles: Vec::new(), width: None, rows: 0, begun: false }
    }

    /// Judges a row that has ended and writes what is left of it. True where it was a row of data and is kept.
    ///
    /// # Errors
    /// [`HtmlError::NoColumn`], [`HtmlError::RowShape`].
    pub fn settle(
        &mut self,
        mut hold: Hold,
        rows: &Rows,
        page: &[PageMask],
        terms: &Terms,
        out: &mut Vec<u8>,
    ) -> Result<bool, HtmlError> {
        let no = self.rows;
        self.rows += 1;
        drop_parts(&mut hold);
        if self.is_title(no, &hold, rows) {
            self.learn(&hold);
            let gone = self.gone(rows, terms)?;
            let is_gone = |cell: &Part| gone.iter().any(|column| covers(cell, *column));
            let out_of_it: SmallVec<[usize; 4]> =
                cells(&hold).filter(|(_, cell)| is_gone(cell)).map(|(at, _)| at).collect();
            for at in out_of_it {
                hold.take_out(at);
            }
            hold.write(out);
            return Ok(false);
        }
        self.begun = true;
        let shape = self.width.is_none_or(|width| width == hold.width) || self.items != Items::Rows;
        if !shape && rows.keep.is_empty() {
            return Err(HtmlError::RowShape);
        }
        let values = if shape { self.values(&hold, rows)? } else { None };
        let Some(values) = values else {
            terms.tally.hide();
            return Ok(false);
        };
        let row: SmallVec<[(DimensionNo, &str); 4]> = values.iter().map(|(no, text)| (*no, text.as_str())).collect();
        if !rows.keep.is_empty() {
            if !terms.judge.keeps(&row) {
                terms.tally.hide();
                return Ok(false);
            }
            terms.tally.keep();
        }
        self.mask(&mut hold, rows, page, terms, &row)?;
        hold.write(out);
        Ok(true)
    }

    fn is_title(&self, no: usize, hold: &Hold, rows: &Rows) -> bool {
        if self.items != Items::Rows {
            return false;
        }
        if let Some(titles) = rows.titles {
            return no < titles;
        }
        let all = cells(hold).all(|(_, cell)| matches!(cell.target, Target::Cell { title: true, .. }));
        !self.begun && cells(hold).next().is_some() && (hold.row == Some(true) || all)
    }

    fn learn(&mut self, hold: &Hold) {
        for (_, part) in cells(hold) {
            if let (Target::Cell { first, span, .. }, Some(said)) = (&part.target, part.says(hold)) {
                self.titles.push((*first, *span, said.text));
            }
        }
        self.width = Some(self.width.unwrap_or(0).max(hold.width));
    }

    fn column(&self, column: &Column) -> Result<usize, HtmlError> {
        match column {
            Column::Number(number) => Ok(*number),
            Column::Titled(title) => {
                let mut found = self.titles.iter().filter(|(_, _, text)| text == title);
                match (found.next(), found.next()) {
                    (Some((first, 1, _)), None) => Ok(*first),
                    _ => Err(HtmlError::NoColumn),
                }
            }
        }
    }

    /// The columns that the person sees in no row.
    fn gone(&self, rows: &Rows, terms: &Terms) -> Result<SmallVec<[usize; 4]>, HtmlError> {
        let mut gone = SmallVec::new();
        for mask in rows.mask.iter().filter(|mask| mask.form == Form::Remove && is_never_shown(mask.unless, terms)) {
            for field in &mask.fields {
                if let Place::Column(column) = field {
                    gone.push(self.column(column)?);
                }
            }
        }
        Ok(gone)
    }

    /// The values of the row, or `None` where one is missing or cannot be read.
    fn values(&self, hold: &Hold, rows: &Rows) -> Result<Option<Values>, HtmlError> {
        let mut values = Values::new();
        for (no, keep) in rows.keep.iter().enumerate() {
            for Kept { place, reading } in &keep.places {
                let said: SmallVec<[_; 2]> = match place {
                    Place::Column(column) => {
                        let at = self.column(column)?;
                        let own =
                            |part: &Part| matches!(part.target, Target::Cell { first, span: 1, .. } if first == at);
                        cells(hold).filter(|(_, part)| own(part)).map(|(_, part)| part.says(hold)).collect()
                    }
                    Place::RowAttribute(name) => std::iter::once(hold.own_attribute(name)).collect(),
                    Place::Within(field) => {
                        let own = |part: &&Part| {
                            matches!(part.target, Target::Value(other) if other == no)
                                && part.attribute == field.attribute
                        };
                        hold.parts().iter().filter(own).map(|part| part.says(hold)).collect()
                    }
                };
                if said.is_empty() {
                    return Ok(None);
                }
                for one in said {
                    let Some(one) = one.filter(|one| one.exact && !one.text.is_empty()) else { return Ok(None) };
                    let text = super::reference::plain(&one.text);
                    let Some(value) = reading.value(text.as_str().into()) else { return Ok(None) };
                    values.push((keep.dimension, value.into()));
                }
            }
        }
        Ok(Some(values))
    }

    fn mask(
        &self,
        hold: &mut Hold,
        rows: &Rows,
        page: &[PageMask],
        terms: &Terms,
        row: &[(DimensionNo, &str)],
    ) -> Result<(), HtmlError> {
        let titles: Vec<CompactString> = self.titles.iter().map(|(_, _, text)| text.clone()).collect();
        let gone = self.gone(rows, terms)?;
        let is_hidden = |unless: Option<GrantNo>| !unless.is_some_and(|grant| terms.judge.shows(grant, row));
        let mut hidden = Vec::new();
        for (no, mask) in rows.mask.iter().enumerate().filter(|(_, mask)| is_hidden(mask.unless)) {
            for field in &mask.fields {
                let found: SmallVec<[usize; 4]> = match field {
                    Place::Column(column) => {
                        let column = self.column(column)?;
                        cells(hold).filter(|(_, cell)| covers(cell, column)).map(|(at, _)| at).collect()
                    }
                    Place::RowAttribute(_) | Place::Within(_) => {
                        let own = |part: &Part| matches!(part.target, Target::RowMask(other) if other == no);
                        hold.parts().iter().enumerate().filter(|(_, part)| own(part)).map(|(at, _)| at).collect()
                    }
                };
                let is_gone = match field {
                    Place::Column(column) => gone.contains(&self.column(column)?),
                    // What people could not see in another row either leaves no gap.
                    Place::Within(field) => mask.form == Form::Remove && field.attribute.is_none(),
                    Place::RowAttribute(_) => false,
                };
                for at in found {
                    terms.tally.mask();
                    hidden.extend(hold.mask(at, &mask.form, &titles));
                    if is_gone {
                        hold.take_out(at);
                    }
                }
            }
        }
        mask_page(hold, page, terms, row, &mut hidden);
        hold.sweep(&hidden);
        Ok(())
    }
}

/// Takes out what goes whatever the row is.
pub fn drop_parts(hold: &mut Hold) {
    let dropped: SmallVec<[usize; 4]> = hold
        .parts()
        .iter()
        .enumerate()
        .filter(|(_, part)| matches!(part.target, Target::Drop))
        .map(|(at, _)| at)
        .collect();
    for at in dropped {
        hold.take_out(at);
    }
}

/// Masks what the page's own rule masks, for a row with these values.
pub fn mask_page(
    hold: &mut Hold,
    page: &[PageMask],
    terms: &Terms,
    row: &[(DimensionNo, &str)],
    hidden: &mut Vec<CompactString>,
) {
    for (no, mask) in page.iter().enumerate() {
        if mask.unless.is_some_and(|grant| terms.judge.shows(grant, row)) {
            continue;
        }
        let own = |part: &Part| matches!(part.target, Target::PageMask(other) if other == no);
        let found: SmallVec<[usize; 4]> =
            hold.parts().iter().enumerate().filter(|(_, part)| own(part)).map(|(at, _)| at).collect();
        for at in found {
            terms.tally.mask();
            let is_whole = hold.parts().get(at).is_some_and(|part| part.attribute.is_none());
            hidden.extend(hold.mask(at, &mask.form, &[]));
            if is_whole && mask.form.show(None) == Shown::Removed {
                hold.take_out(at);
            }
        }
    }
}

/// Whether there is no row in which the person may see it.
pub fn is_never_shown(unless: Option<GrantNo>, terms: &Terms) -> bool {
    unless.is_none_or(|grant| !terms.judge.may_show(grant))
}

fn cells(hold: &Hold) -> impl Iterator<Item = (usize, &Part)> {
    hold.parts().iter().enumerate().filter(|(_, part)| matches!(part.target, Target::Cell { .. }))
}

fn covers(part: &Part, column: usize) -> bool {
    matches!(part.target, Target::Cell { first, span, .. } if (first..first + span).contains(&column))
}
