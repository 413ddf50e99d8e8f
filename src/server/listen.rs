//! Listening sockets: opened, inherited from a service manager or another process, and dealt out to the workers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use listenfd::ListenFd;
use parking_lot::RwLock;
use socket2::{Domain, Protocol, Socket, Type};

use super::error::ServerError;
use super::worker::WorkerIndex;
use crate::config::Listeners;

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The service.
    Https,
    /// Redirects to the service.
    Redirect,
    /// Metrics, health, readiness.
    Admin,
}

/// Sockets that another process opened, with what they are for.
pub type Inherited = Vec<(Role, TcpListener)>;

/// The sockets of one address.
#[derive(Debug)]
struct Group {
    role: Role,
    sockets: Vec<TcpListener>,
}

/// All listening sockets of the process. They stay open until it ends, so that another one can take them over.
#[derive(Debug, Default)]
pub struct Sockets {
    groups: RwLock<Vec<Group>>,
}

impl Sockets {
    /// Has sockets for every address of the settings: those that are inherited, and new ones for the rest, of those for
    /// clients one for each worker. Inherited sockets that the settings do not name are closed.
    ///
    /// # Errors
    /// When an address cannot be listened on, or an inherited socket not be used.
    pub fn open(settings: &Listeners, workers: NonZeroUsize, inherited: Inherited) -> Result<Self, ServerError> {
        let mut spare = inherited;
        let mut groups = Vec::new();
        let https = settings.https.iter().map(|address| (Role::Https, *address, workers.get()));
        let redirect = settings.redirect.iter().map(|address| (Role::Redirect, *address, workers.get()));
        let admin = settings.admin.iter().map(|address| (Role::Admin, *address, 1));
        for (role, address, count) in https.chain(redirect).chain(admin) {
            let fits = |socket: &TcpListener| socket.local_addr().is_ok_and(|local| local == address);
            let (mine, rest): (Inherited, Inherited) =
                spare.into_iter().partition(|(given, socket)| *given == role && fits(socket));
            spare = rest;
            let mut sockets: Vec<TcpListener> = mine.into_iter().map(|(_, socket)| socket).collect();
            for socket in &sockets {
                socket.set_nonblocking(true).map_err(ServerError::Inherit)?;
            }
            if sockets.is_empty() {
                sockets = bind_all(address, count, settings.backlog)?;
            }
            groups.push(Group { role, sockets });
        }
        Ok(Self { groups: RwLock::new(groups) })
    }

    /// The sockets on which a worker accepts.
    ///
    /// With a socket for each worker it gets its own. Otherwise (inherited from a process with another number of
    /// workers, or a single one from a service manager) every worker accepts on all of them, so that no queue is left
    /// alone and whoever is idle takes the next connection.
    ///
    /// # Errors
    /// When the system has no further descriptors.
    pub fn of_worker(
        &self,
        role: Role,
        worker: WorkerIndex,
        workers: NonZeroUsize,
    ) -> Result<Vec<TcpListener>, ServerError> {
        let mut mine = Vec::new();
        for group in self.groups.read().iter().filter(|group| group.role == role) {
            let all = group.sockets.len() != workers.get();
            for (_, socket) in group.sockets.iter().enumerate().filter(|(index, _)| all || *index == worker.0) {
                mine.push(socket.try_clone().map_err(ServerError::Inherit)?);
            }
        }
        Ok(mine)
    }

    /// All sockets of a role.
    ///
    /// # Errors
    /// When the system has no further descriptors.
    pub fn of_role(&self, role: Role) -> Result<Vec<TcpListener>, ServerError> {
        let groups = self.groups.read();
        let groups = groups.iter().filter(|group| group.role == role);
        groups.flat_map(|group| &group.sockets).map(|socket| socket.try_clone().map_err(ServerError::Inherit)).collect()
    }

    /// The addresses that are listened on; of use where the port was left to the system.
    #[must_use]
    pub fn addresses(&self, role: Role) -> Vec<SocketAddr> {
        let groups = self.groups.read();
        let groups = groups.iter().filter(|group| group.role == role);
        groups.filter_map(|group| group.sockets.first()?.local_addr().ok()).collect()
    }

    /// Shows every socket with its role.
    pub(super) fn each(&self, mut see: impl FnMut(Role, &TcpListener) -> io::Result<()>) -> io::Result<()> {
        for group in self.groups.read().iter() {
            for socket in &group.sockets {
                see(group.role, socket)?;
            }
        }
        Ok(())
    }

    /// Closes these copies of the sockets. Those of workers end with their accept loops.
    pub fn close(&self) {
        self.groups.write().clear();
    }
}

fn bind_all(address: SocketAddr, count: usize, backlog: u32) -> Result<Vec<TcpListener>, ServerError> {
    let mut sockets = Vec::with_capacity(count);
    let mut bound = address;
    for _ in 0..count {
        let socket = bind(bound, backlog).map_err(|error| ServerError::Bind { address, error })?;
        // The system chooses a port once; the others share it.
        if bound.port() == 0 {
            bound = socket.local_addr().map_err(|error| ServerError::Bind { address, error })?;
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Addresses mean what they say: `[::]` beside `0.0.0.0`.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// The sockets that a service manager passed (`LISTEN_FDS`). What each is for is told by its name (`FileDescriptorName=`
/// `https`, `redirect` or `admin`), else by its address in the settings, else it is the service.
///
/// # Errors
/// When a descriptor is not a listening TCP socket.
pub fn from_service_manager(settings: &Listeners) -> Result<Inherited, ServerError> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut given = ListenFd::from_env();
    let mut inherited = Vec::with_capacity(given.len());
    for index in 0..given.len() {
        let Some(socket) = given.take_tcp_listener(index).map_err(ServerError::Inherit)? else { continue };
        let address = socket.local_addr().map_err(ServerError::Inherit)?;
        let role = match names.get(index).copied() {
            Some("https") => Role::Https,
            Some("redirect") => Role::Redirect,
            Some("admin") => Role::Admin,
            _ if settings.redirect.contains(&address) => Role::Redirect,
            _ if settings.admin.contains(&address) => Role::Admin,
            _ => Role::Https,
        };
        inherited.push((role, socket));
    }
    Ok(inherited)
}
