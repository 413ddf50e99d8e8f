//! The device that the last request of a connection came from: whoever sends the same fields again is not read anew.

use std::cell::RefCell;
use std::rc::Rc;

use crate::audit::ShownDevice;
use crate::wire::head::RequestHead;

/// The device of one connection's last request, where the same fields always tell the same device.
#[derive(Default)]
pub(super) struct LastDevice(RefCell<Option<Last>>);

struct Last {
    /// What it was read from.
    fields: Vec<u8>,
    device: Rc<ShownDevice>,
}

/// All that a device is read from but the connection. No field holds a line feed, so that what they hold is never taken for one another.
fn fields(head: &RequestHead) -> impl Iterator<Item = &[u8]> {
    let agent = head.values("user-agent").next().unwrap_or_default();
    std::iter::once(agent).chain(head.values("cookie").flat_map(|field| [&b"\n"[..], field]))
}

impl LastDevice {
    /// The device of this request, where it sends what the last one sent.
    pub(super) fn get(&self, head: &RequestHead) -> Option<Rc<ShownDevice>> {
        let last = self.0.borrow();
        let last = last.as_ref()?;
        let rest = fields(head).try_fold(last.fields.as_slice(), |rest, part| rest.strip_prefix(part))?;
        rest.is_empty().then(|| Rc::clone(&last.device))
    }

    /// Keeps the device that was read from `head`.
    pub(super) fn keep(&self, head: &RequestHead, device: Rc<ShownDevice>) {
        let fields = fields(head).collect::<Vec<_>>().concat();
        *self.0.borrow_mut() = Some(Last { fields, device });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Device;
    use crate::wire::limit::HeadLimits;

    fn head(fields: &str) -> RequestHead {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        RequestHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0
    }

    #[test]
    fn only_the_very_same_fields_tell_the_same_device() {
        let last = LastDevice::default();
        let sent = "User-Agent: a\r\nCookie: x=1\r\n";
        assert!(last.get(&head(sent)).is_none());
        last.keep(&head(sent), Rc::new(ShownDevice::from(Device { known: true, ..Device::default() })));
        assert!(last.get(&head(sent)).is_some_and(|device| device.known));
        assert!(last.get(&head("Cookie: x=1\r\nAccept: b\r\nuser-agent: a\r\n")).is_some(), "nothing else counts");
        for other in [
            "",
            "User-Agent: a\r\n",
            "Cookie: x=1\r\n",
            "User-Agent: a\r\nCookie: x=12\r\n",
            "User-Agent: a\r\nCookie: x=\r\n",
            "User-Agent: b\r\nCookie: x=1\r\n",
            "User-Agent: a\r\nCookie: x=1\r\nCookie: y=1\r\n",
            "User-Agent: ax=1\r\n",
        ] {
            assert!(last.get(&head(other)).is_none(), "{other:?}");
        }
    }
}
