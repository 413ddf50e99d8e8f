//! What stands around every request alike: a bound on requests in flight, panics caught, room for the future; never identity, decision, record or filters.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tower::{Service, ServiceBuilder, layer};

/// A call panicked; what it was doing is unknown, so that it must count as refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call panicked")]
pub struct Panicked;

/// There are too many calls in flight already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many calls are in flight")]
pub struct Full;

/// Counts calls in flight on one core and takes no more than `most`. Nobody waits for room, so that there is no queue, and no lock.
#[derive(Clone, Debug)]
struct Bound<S> {
    inner: S,
    most: usize,
    in_flight: Rc<Cell<usize>>,
}

impl<S, R> Service<R> for Bound<S>
where
    S: Service<R, Error = Full, Future: Unpin>,
{
    type Response = S::Response;
    type Error = Full;
    type Future = Counted<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Full>> {
        if self.in_flight.get() >= self.most { Poll::Ready(Err(Full)) } else { self.inner.poll_ready(cx) }
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.in_flight.update(|count| count + 1);
        Counted { future: self.inner.call(request), _one: InFlight(Rc::clone(&self.in_flight)) }
    }
}

/// A call that is counted for as long as it lives.
struct Counted<F> {
    future: F,
    _one: InFlight,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.future).poll(cx)
    }
}

struct InFlight(Rc<Cell<usize>>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.update(|count| count.saturating_sub(1));
    }
}

/// Room for the future of a call: its value is dropped where it stands, and another one put there.
type Room<F> = Pin<Box<Option<F>>>;

/// Rooms that are kept for the next calls of a core: as many as a few busy connections of HTTP/2 have streams (2.7 KB each).
const ROOMS: usize = 512;

/// Calls a function, and turns a panic of its future into [`Panicked`], so that one request cannot end a core.
struct CatchPanic<C, F> {
    call: C,
    rooms: Rc<RefCell<Vec<Room<F>>>>,
}

impl<C: Clone, F> Clone for CatchPanic<C, F> {
    fn clone(&self) -> Self {
        Self { call: self.call.clone(), rooms: Rc::clone(&self.rooms) }
    }
}

impl<C, R, F> Service<R> for CatchPanic<C, F>
where
    C: Fn(R) -> F,
    F: Future,
{
    type Response = Result<F::Output, Panicked>;
    type Error = Full;
    type Future = Caught<F>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Full>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let free = self.rooms.borrow_mut().pop();
        // written where it stands: nothing but the mark that it is empty
        let mut room = free.unwrap_or_else(|| Box::into_pin(Box::write(Box::new_uninit(), None)));
        room.set(Some((self.call)(request)));
        Caught { room: Some(room), rooms: Rc::clone(&self.rooms) }
    }
}

/// The future of a call whose panic is caught. In a room of its own: it is large, and so it is not moved, and an idle connection
/// does not hold room for it.
struct Caught<F> {
    room: Option<Room<F>>,
    rooms: Rc<RefCell<Vec<Room<F>>>>,
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<Result<F::Output, Panicked>, Full>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.room.as_mut().and_then(|room| room.as_mut().as_pin_mut()) else {
            return Poll::Ready(Ok(Err(Panicked)));
        };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                self.vacate();
                Poll::Ready(Ok(Ok(output)))
            }
            Err(_) => {
                // INVARIANT: what panicked is not polled again.
                self.room = None;
                Poll::Ready(Ok(Err(Panicked)))
            }
        }
    }
}

impl<F> Caught<F> {
    /// Leaves the room to the next call.
    fn vacate(&mut self) {
        let Some(mut room) = self.room.take() else { return };
        room.set(None);
        let mut rooms = self.rooms.borrow_mut();
        if rooms.len() < ROOMS {
            rooms.push(room);
        }
    }
}

/// `call` with a bound of `most` calls in flight on this core, and panics caught.
pub fn around<R, T, C, F>(most: usize, call: C) -> impl Service<R, Response = Result<T, Panicked>, Error = Full> + Clone
where
    C: Fn(R) -> F + Clone,
    F: Future<Output = T>,
{
    let bound = layer::layer_fn(|inner| Bound { inner, most, in_flight: Rc::default() });
    ServiceBuilder::new().layer(bound).service(CatchPanic { call, rooms: Rc::default() })
}

/// Calls `service` when it can take a request at once.
///
/// # Errors
/// The request, where there are too many in flight already.
pub async fn shed<S, R>(mut service: S, request: R) -> Result<Result<S::Response, S::Error>, R>
where
    S: Service<R>,
{
    let ready = std::future::poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
    match ready {
        Poll::Ready(Ok(())) => Ok(pin!(service.call(request)).await),
        Poll::Ready(Err(_)) | Poll::Pending => Err(request),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_and_the_next_call_goes_through() {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let service = around(8, move |bad: bool| {
            counted.set(counted.get() + 1);
            async move { if bad { panic!("a fault of the test") } else { 7 } }
        });
        assert_eq!(shed(service.clone(), true).await.ok().and_then(Result::ok), Some(Err(Panicked)));
        assert_eq!(shed(service, false).await.ok().and_then(Result::ok), Some(Ok(7)));
        assert_eq!(calls.get(), 2);
    }

    /// Ready when it is polled a second time; holds what it was given until it is dropped.
    struct Second {
        turn: u32,
        polled: bool,
        _held: Rc<()>,
    }

    impl Future for Second {
        type Output = u32;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
            if std::mem::replace(&mut self.polled, true) {
                assert!(self.turn > 0, "a fault of the test");
                return Poll::Ready(self.turn);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_call_has_the_room_of_one_that_ended_and_never_of_one_that_panicked_or_was_given_up() {
        let held = Rc::new(());
        let kept = Rc::clone(&held);
        let call = move |turn: u32| Second { turn, polled: false, _held: Rc::clone(&kept) };
        let mut service = CatchPanic { call, rooms: Rc::default() };
        let rooms = Rc::clone(&service.rooms);
        let free_and_held = || (rooms.borrow().len(), Rc::strong_count(&held) - 2);
        assert_eq!(service.call(1).await, Ok(Ok(1)));
        assert_eq!(free_and_held(), (1, 0));
        let (two, three) = (service.call(2), service.call(3));
        assert_eq!(free_and_held(), (0, 2));
        assert_eq!((two.await, three.await), (Ok(Ok(2)), Ok(Ok(3))));
        assert_eq!(free_and_held(), (2, 0));
        assert_eq!(service.call(0).await, Ok(Err(Panicked)));
        drop(service.call(4));
        assert_eq!(free_and_held(), (0, 0));
    }

    #[tokio::test]
    async fn a_request_too_many_comes_back_unserved() {
        let service = around(1, |()| std::future::pending::<()>());
        let mut first = Box::pin(shed(service.clone(), ()));
        assert!(std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx))).await.is_pending());
        assert!(shed(service.clone(), ()).await.is_err());
        drop(first);
        let mut third = Box::pin(shed(service, ()));
        assert!(std::future::poll_fn(|cx| Poll::Ready(third.as_mut().poll(cx))).await.is_pending());
    }
}
