//! Spellings of a multipart body; deterministic by seed.

use crate::generate::Pair;
use crate::random::Random;
use crate::words::FILES;

/// A multipart body and its type.
pub fn multipart(random: &mut Random, pairs: &[Pair], files: bool) -> (Vec<u8>, Vec<u8>) {
    let mut out = Vec::new();
    if random.one_in(60) {
        out.extend_from_slice(random.any(&[b"preamble\r\n", b"\r\n", b"--XXX\r\n", b" "]));
    }
    for (name, value) in pairs {
        out.extend_from_slice(b"--XX\r\n");
        if random.one_in(40) {
            out.extend_from_slice(random.any(&[
                b"Content-Type: text/plain\r\n",
                b"X-Y: z\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Transfer-Encoding: quoted-printable\r\n",
                b"Content-Length: 1\r\n",
                b": x\r\n",
                b" folded\r\n",
            ]));
        }
        let mut disposition = b"Content-Disposition: form-data; ".to_vec();
        if random.one_in(40) {
            disposition = random
                .any(&[
                    b"content-disposition:form-data;",
                    b"Content-Disposition: FORM-DATA; ",
                    b"Content-Disposition: attachment; ",
                    b"Content-Disposition:\r\n form-data; ",
                    b"Content-Disposition: form-data ;",
                    b"Content-Disposition : form-data; ",
                ])
                .to_vec();
        }
        out.extend_from_slice(&disposition);
        let quoted = quoted(random, name);
        let parameter: &[u8] = if random.one_in(40) {
            random.any(&[b"Name=", b"name =", b"name= ", b"name*=utf-8''", b"name*0=", b"xname=", b"name=\"x\"; name="])
        } else {
            b"name="
        };
        out.extend_from_slice(parameter);
        out.extend_from_slice(&quoted);
        let file = if files { !random.one_in(8) } else { random.one_in(12) };
        if file {
            out.extend_from_slice(random.any(FILES));
        }
        if random.one_in(60) {
            out.extend_from_slice(random.any(&[
                b"; charset=gbk",
                b";",
                b"; name=\"w\"",
                b"; filename=\"x\"",
                b"; x=y; name=w",
            ]));
        }
        out.extend_from_slice(b"\r\n");
        if random.one_in(12) {
            out.extend_from_slice(random.any(&[
                b"Content-Type: text/plain\r\n",
                b"Content-Type: text/plain; charset=utf-8\r\n",
                b"Content-Type: text/plain; charset=gbk\r\n",
                b"Content-Type: text/plain; charset=iso-8859-1\r\n",
                b"Content-Type: application/octet-stream\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Transfer-Encoding: 8bit\r\n",
                b"content-type:text/plain\r\n",
                b"Content-Type: multipart/mixed; boundary=YY\r\n",
                b"Content-Type: application/json\r\n",
                b"Content-Disposition: form-data; name=\"x\"\r\n",
            ]));
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(value.as_deref().unwrap_or(b"HF"));
        if random.one_in(60) {
            out.extend_from_slice(random.any(&[
                b"\n",
                b"\r",
                b"\r\n--XX",
                b"--XX",
                b"\n--XX\n",
                b"\r\n--XX--x",
                b"\0",
            ]));
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(if random.one_in(50) {
        random.any(&[b"--XX--", b"--XX", b"", b"--XX--\r\nepilogue", b"--XX-- \r\n", b"--XX--\n"])
    } else {
        b"--XX--\r\n"
    });
    let usual: &[u8] = b"multipart/form-data; boundary=XX";
    let kind = if random.one_in(20) {
        random.any(&[
            b"multipart/form-data; boundary=\"XX\"",
            b"multipart/form-data;boundary=XX",
            b"Multipart/Form-Data; Boundary=XX",
            b"multipart/form-data; charset=utf-8; boundary=XX",
            b"multipart/form-data; charset=gbk; boundary=XX",
            b"multipart/form-data; boundary=XX; charset=iso-8859-1",
            b"multipart/form-data; boundary=XX,YY",
            b"multipart/form-data; boundary=YY; boundary=XX",
            b"multipart/mixed; boundary=XX",
            b"multipart/form-data; boundary=XX; x",
            b"multipart/form-data; xboundary=YY; boundary=XX",
            b"multipart/related; boundary=XX",
        ])
    } else {
        usual
    };
    (kind.to_vec(), out)
}

/// A name as clients spell it: mostly in quotes with what would end them escaped, as browsers do (HTML section 4.10.22.8).
fn quoted(random: &mut Random, name: &[u8]) -> Vec<u8> {
    let escaped = |escape: fn(u8) -> Option<Vec<u8>>| -> Vec<u8> {
        let bytes = name.iter().flat_map(|&byte| escape(byte).unwrap_or_else(|| vec![byte]));
        [b'"'].into_iter().chain(bytes).chain([b'"']).collect()
    };
    match random.below(20) {
        0 => name.to_vec(),
        1 => escaped(|byte| matches!(byte, b'"' | b'\\').then(|| vec![b'\\', byte])),
        2 => [b"'", name, b"'"].concat(),
        _ => escaped(|byte| matches!(byte, b'"' | b'\r' | b'\n').then(|| format!("%{byte:02X}").into_bytes())),
    }
}
