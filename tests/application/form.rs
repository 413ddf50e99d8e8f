//! The forms of a page as a browser would send them: hidden fields, chosen options, ticked boxes; presses no button by itself.

use regex::Regex;

/// A form that is being filled in.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    files: Vec<String>,
    /// Whether it is sent as `multipart/form-data`.
    pub multipart: bool,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let regex = Regex::new(&format!(r#"\s{name}="([^"]*)""#)).unwrap();
    let text = regex.captures(tag)?[1].to_owned();
    Some(
        text.replace("&quot;", "\"")
            .replace("&#x27;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

impl Form {
    /// The first form of `page` that has a field `with`.
    pub fn of(page: &str, with: &str) -> Self {
        let forms = Regex::new(r"(?s)(<form[^>]*>)(.*?)</form>").unwrap();
        forms
            .captures_iter(page)
            .map(|found| Self::read(&found[1], &found[2]))
            .find(|form| form.fields.iter().any(|(name, _)| name == with))
            .unwrap_or_else(|| panic!("no form with `{with}` in\n{page}"))
    }

    fn read(head: &str, inside: &str) -> Self {
        let mut form = Self { multipart: head.contains("multipart/form-data"), ..Self::default() };
        let tags = Regex::new(r"(?s)<input[^>]*>|<select[^>]*>.*?</select>|<textarea[^>]*>.*?</textarea>").unwrap();
        let options = Regex::new(r"<option[^>]*\sselected[^>]*>").unwrap();
        for tag in tags.find_iter(inside).map(|found| found.as_str()) {
            let head = &tag[..=tag.find('>').unwrap()];
            let Some(name) = attribute(head, "name") else { continue };
            let kind = attribute(head, "type").unwrap_or_default();
            let ticked = head.contains(" checked");
            let value = match (tag, kind.as_str()) {
                (tag, _) if tag.starts_with("<select") => {
                    options.find(tag).and_then(|option| attribute(option.as_str(), "value")).unwrap_or_default()
                }
                (tag, _) if tag.starts_with("<textarea") => {
                    tag[head.len()..tag.len() - "</textarea>".len()].trim_start_matches('\n').to_owned()
                }
                (_, "checkbox" | "radio") if !ticked => continue,
                (_, "file") => {
                    form.files.push(name);
                    continue;
                }
                (_, "submit") => continue,
                _ => attribute(head, "value").unwrap_or_default(),
            };
            form.fields.push((name, value));
        }
        form
    }

    /// The same with this value in place of the field's own.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.and(name, value)
    }

    /// The same with one value more.
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The fields, for a form that is sent urlencoded.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Content type and body, with every file field left empty as browsers do.
    pub fn multipart(&self) -> (String, Vec<u8>) {
        let boundary = "----browser7MA4YWxkTrZu0gW";
        let mut body = String::new();
        for (name, value) in &self.fields {
            body += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        for name in &self.files {
            body += &format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n"
            );
        }
        body += &format!("--{boundary}--\r\n");
        (format!("multipart/form-data; boundary={boundary}"), body.into_bytes())
    }
}
