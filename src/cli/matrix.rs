//! `scopegate matrix`: role × permission as managers read it.

use crate::diagnostics::Style;
use crate::rules::{Catalog, Language, Source, load};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print which role may do what
#[derive(Args, Clone, Debug)]
pub struct MatrixCommand {
    /// The folder of the rule files
    #[arg(long, value_name = "DIR", default_value = "routes")]
    pub routes: PathBuf,
    /// How the matrix is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The language of titles
    #[arg(long, value_enum, default_value_t = Lang::En)]
    pub lang: Lang,
}

/// How the matrix is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

/// The languages of titles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Zh => Self::Zh,
        }
    }
}

impl MatrixCommand {
    /// Writes the matrix to `out`; where the rules cannot be used, what is wrong with them.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn run(self, out: &mut dyn Write) -> Result<ExitCode> {
        match load(&Source::Folder(self.routes.clone())) {
            Ok(loaded) if loaded.set.catalog.permissions().next().is_none() && self.format == Format::Table => {
                writeln!(
                    out,
                    "no permissions: name them and the roles in a `roles.yaml` in `{}`",
                    self.routes.display()
                )?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(loaded) => {
                out.write_all(render(&loaded.set.catalog, self.format, self.lang.into()).as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(report) => {
                out.write_all(report.render(Style::Human { colour: true }).as_bytes())?;
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// The matrix of a catalog.
#[must_use]
pub fn render(catalog: &Catalog, format: Format, language: Language) -> String {
    match format {
        Format::Table => table(catalog, language),
        Format::Csv => csv(catalog, language),
        Format::Json => json(catalog),
    }
}

/// One line a permission; titles in the language asked for.
struct Row<'a> {
    name: &'a str,
    title: &'a str,
    granted: Vec<bool>,
}

fn rows(catalog: &Catalog, language: Language) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (id, entry) in catalog.permissions() {
        let granted = catalog.roles.iter().map(|role| role.permissions.contains(id)).collect();
        let name = entry.name.as_str();
        rows.push(Row { name, title: entry.title.show(language, name), granted });
    }
    rows
}

/// Roles are many and their titles long, so each has a letter, and a legend says which.
fn table(catalog: &Catalog, language: Language) -> String {
    let rows = rows(catalog, language);
    let letters: Vec<String> = (0..catalog.roles.len()).map(letter).collect();
    let width = rows.iter().map(|row| columns(row.title)).max().unwrap_or(0);
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (letter, role) in letters.iter().zip(&catalog.roles) {
        out.push_str(&format!("{letter:>2}  {} ({})\n", role.title.show(language, &role.name), role.name));
    }
    out.push_str(&format!(
        "\n{}  {}  {}\n",
        " ".repeat(width),
        " ".repeat(name_width),
        letters.iter().map(|l| format!("{l:>2}")).collect::<Vec<_>>().join(" ")
    ));
    let mut resource = "";
    for row in &rows {
        let own = row.name.split(':').next().unwrap_or_default();
        if !resource.is_empty() && own != resource {
            out.push('\n');
        }
        resource = own;
        let marks: Vec<&str> = row.granted.iter().map(|granted| if *granted { " x" } else { " ." }).collect();
        let gap = " ".repeat(width - columns(row.title));
        out.push_str(&format!("{}{gap}  {:name_width$}  {}\n", row.title, row.name, marks.join(" ")));
    }
    out
}

/// `A` to `Z`, then `AA`, `AB`, ….
fn letter(at: usize) -> String {
    let of = |at: usize| char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    if at < 26 { of(at).to_string() } else { format!("{}{}", of(at / 26 - 1), of(at)) }
}

/// The columns of a terminal; East Asian characters take two.
fn columns(text: &str) -> usize {
    text.chars().map(crate::diagnostics::columns).sum()
}

fn csv(catalog: &Catalog, language: Language) -> String {
    let mut out = String::from("permission,title");
    for role in &catalog.roles {
        out.push(',');
        out.push_str(&field(role.title.show(language, &role.name)));
    }
    out.push_str("\r\n");
    for row in rows(catalog, language) {
        out.push_str(&format!("{},{}", field(row.name), field(row.title)));
        for granted in row.granted {
            out.push_str(if granted { ",x" } else { "," });
        }
        out.push_str("\r\n");
    }
    out
}

/// A field as RFC 4180 wants it.
///
/// SECURITY: spreadsheets run what begins with one of these, so it gets an apostrophe (`a_title_is_no_formula`).
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn json(catalog: &Catalog) -> String {
    let title = |title: &crate::rules::Title| serde_json::json!({"en": title.en.as_deref(), "zh": title.zh.as_deref()});
    let permissions: Vec<_> = catalog
        .permissions()
        .map(|(_, entry)| {
            let effect = match entry.effect {
                crate::model::Effect::None => "none",
                crate::model::Effect::Change => "change",
            };
            serde_json::json!({"name": entry.name.as_str(), "title": title(&entry.title), "effect": effect})
        })
        .collect();
    let roles: Vec<_> = catalog
        .roles
        .iter()
        .map(|role| {
            let granted = catalog.permissions().filter(|(id, _)| role.permissions.contains(*id));
            let granted = granted.map(|(_, entry)| entry.name.as_str());
            serde_json::json!({
                "name": role.name.as_str(),
                "title": title(&role.title),
                "contact": role.contact.as_ref().map(|contact| contact.show(Language::En, "")),
                "permissions": granted.collect::<Vec<_>>(),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::json!({"permissions": permissions, "roles": roles}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Report;
    use crate::rules::load::{File, load_files};
    use std::path::Path;

    fn catalog() -> Catalog {
        let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
        let files = [
            file("a.yaml", "app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\n"),
            file(
                "roles.yaml",
                "permissions:\n  stock:view: {title: {en: See stock, zh: 查看库存}}\n  order:view: {title: {en: '=1+1, \"x\"'}}\n\
                 roles:\n  keeper: {title: {zh: 仓库管理员}, permissions: [stock:view]}\n  lead: {permissions: [stock:view, order:view]}\n",
            ),
        ];
        load_files(&files, Path::new(""), Report::new()).unwrap().set.catalog.clone()
    }

    #[test]
    fn managers_read_the_matrix_in_their_language() {
        assert_eq!(
            render(&catalog(), Format::Table, Language::Zh),
            " A  仓库管理员 (keeper)\n B  lead (lead)\n\n                        A  B\n\
             =1+1, \"x\"  order:view   .  x\n\n查看库存   stock:view   x  x\n"
        );
    }

    #[test]
    fn a_title_is_no_formula() {
        let csv = render(&catalog(), Format::Csv, Language::En);
        assert_eq!(
            csv,
            "permission,title,仓库管理员,lead\r\norder:view,\"'=1+1, \"\"x\"\"\",,x\r\nstock:view,See stock,x,x\r\n"
        );
    }
}
