//! Markup that hides markup: a browser must not see a row or element that the filter did not.

use super::{Sees, html, page};

const HF: Sees = Sees(&["HF"], "");

fn rule() -> super::Html {
    html("rows: {in: table.t, keep: {warehouse: 2}, optional: true}\nmask: {fields: [.secret]}")
}

#[test]
fn markup_in_text_is_text_and_markup_after_it_is_markup() {
    for hiding in [
        "<script>'<table class=t>'</script>",
        "<script><!-- <b>'</b>' --></script>",
        "<script><!-- x </script>",
        "<script>'<!--' </script>",
        "<style>.a{content:'</table>'}</style>",
        "<textarea></table></textarea>",
        "<title></table></title>",
        "<xmp></table></xmp>",
        "<iframe></table></iframe>",
        "<noframes></table></noframes>",
        "<SCRIPT></TABLE></SCRIPT >",
        "<textarea></textareas></table></textarea\n>",
    ] {
        let text = format!("{hiding}<table class=t><tr><td>1{hiding}<td>HF<tr><td>{hiding}2<td>SH</table>");
        let left = format!("{hiding}<table class=t><tr><td>1{hiding}<td>HF</table>");
        assert_eq!(page(&rule(), &HF, &text).as_deref(), Ok(left.as_str()), "{hiding}");
    }
}

#[test]
fn comments_never_leave_however_they_end() {
    for comment in [
        "<!-- a -->",
        "<!-->",
        "<!--->",
        "<!-- --!>",
        "<!---->",
        "<!-- <!-- -->",
        "<!x>",
        "<?x>",
        "</ x>",
        "</>",
        "<!-- > -->",
        "<!-- - -- -->",
        "<![CDATA[ x ]]>",
        "<!DOCTYPe x>",
        "<!--a--!b-->",
    ] {
        let text = format!("a{comment}<i class=secret>7</i>b{comment}");
        let left = if comment.starts_with("<!DOC") { format!("a{comment}b{comment}") } else { "ab".into() };
        assert_eq!(page(&rule(), &HF, &text).as_deref(), Ok(left.as_str()), "{comment}");
    }
    assert_eq!(page(&rule(), &HF, "a<!-- <i class=secret>7</i>").as_deref(), Ok("a"));
}

#[test]
fn tags_are_read_as_browsers_read_them() {
    for tag in [
        "<I CLASS=secret>",
        "<i\nclass\n=\nsecret\n>",
        "<i/class='secret'/>",
        "<i x='>' class=\"a secret\tb\">",
        "<i x=\"'\" class=secret y='\"'>",
        "<i class=secret class=other>",
        "<i =x class=secret>",
        "<i \"class=x class=secret>",
        "<i class=s&#101;cret>",
        "<i class=secret/ class=other>",
        "<i class='secret'x=1>",
        "<i x=a>b class=secret>",
    ] {
        let text = format!("a{tag}7</i>b");
        let is_secret = !tag.contains("secret/") && !tag.contains("x=a>b");
        let left = page(&rule(), &HF, &text).unwrap();
        assert_eq!(left == "ab", is_secret, "{tag}: {left}");
    }
    for text in ["a < b <3 <", "a </", "1<2", "<<i>x</i>"] {
        assert_eq!(page(&rule(), &HF, text).as_deref(), Ok(text));
    }
}

#[test]
fn what_has_no_one_reading_ends_the_answer() {
    for text in [
        "a\0b",
        "<i class=\"secret",
        "<plaintext>",
        "<frameset>",
        "<math><mi></math>",
        "<svg><table></table></svg>",
        "<svg><p>",
        "<svg></p></svg>",
        "<svg><foreignObject><div></div></foreignObject></svg>",
        "<svg><title><b>x</b></title></svg>",
        "<svg><desc><i class=secret></i></desc></svg>",
        "<svg><script>1</script></svg>",
        "<svg><tr></tr></svg>",
        "<svg><font color=red></font></svg>",
        "<select><table></table></select>",
        "<select><div></div></select>",
        "<select><textarea></select></textarea>",
        "<select></table></select>",
        "<select><select></select>",
        "<template><tr></tr></template>",
        "<script><!-- <script> </script> --></script>",
        "<table class=t><tr><td>1<td><template>HF</template></table>",
        "<div>".repeat(500).as_str(),
        format!("<i x='{}'>", "y".repeat(70_000)).as_str(),
    ] {
        let shown: String = text.chars().take(60).collect();
        assert!(page(&rule(), &HF, text).is_err(), "{shown}");
    }
}

#[test]
fn noscript_does_not_leave_since_it_has_two_readings() {
    let text = "a<noscript><i class=\"</noscript><table class=t><tr><td>1<td>SH</table>\"></noscript>b";
    assert_eq!(page(&rule(), &HF, text).as_deref(), Ok("a<table class=t></table>\"></noscript>b"));
}

#[test]
fn icons_pass_as_they_are() {
    let text = "<svg viewBox='0 0 1 1'><title>Cost</title><g><path d='M0 0'/><style>a{}</style></g></svg><b>x</b>";
    assert_eq!(page(&rule(), &HF, text).as_deref(), Ok(text));
    assert_eq!(page(&rule(), &HF, "a<svg class=secret><path/></svg>b").as_deref(), Ok("ab"));
}

#[test]
fn stray_end_tags_open_no_table() {
    for stray in
        ["</div>", "</p>", "</span>", "</form>", "</b>", "</section>", "</body>", "</html>", "</li>", "</h1>", "</svg>"]
    {
        let text =
            format!("<div><table class=t>{stray}<tr>{stray}<td>1{stray}<td>HF<tr><td>2{stray}<td>SH</table></div>");
        let left = page(&rule(), &HF, &text).unwrap();
        assert!(!left.contains("SH") && left.contains("HF"), "{stray}: {left}");
    }
}

#[test]
fn a_page_that_names_another_charset_is_withheld() {
    for meta in [
        "<meta charset=gbk>",
        "<meta http-equiv=Content-Type content='text/html; charset=gb2312'>",
        "<META HTTP-EQUIV='content-type' CONTENT='text/html;charset = \"utf-16\"'>",
        "<meta charset=utf-7>",
        "<meta charset=x>",
    ] {
        assert!(page(&rule(), &HF, meta).is_err(), "{meta}");
    }
    for meta in [
        "<meta charset=UTF-8>",
        "<meta http-equiv=content-type content='text/html; charset=utf8'>",
        "<meta name=x content='charset=gbk'>",
    ] {
        assert_eq!(page(&rule(), &HF, meta).as_deref(), Ok(meta));
    }
}

#[test]
fn what_cannot_be_read_is_selected() {
    assert_eq!(page(&rule(), &HF, "a<i class='&secre;t'>7</i>b").as_deref(), Ok("ab"));
}
