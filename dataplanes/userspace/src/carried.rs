//! One frontend as it is carried: its route, and its socket while there is somebody to send to (decision 16).

use std::io;
use std::net::UdpSocket as StdUdpSocket;
use std::sync::{Arc, Weak};

use portolan_dataplane::{Frontend, FrontendKey};
use portolan_model::Protocol;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::bind::bind;
use crate::engine::Engine;
use crate::pool::Pools;
use crate::route::Route;
use crate::sys::Watched;
use crate::tcp::Accepts;
use crate::tproxy::routes::{Registered, Routes};
use crate::workers::Place;
use crate::{tcp, udp};

pub(crate) struct Carried {
    pub(crate) frontend: Arc<Frontend>,
    route: Arc<Route>,
    home: Place,
    open: Option<Open>,
}

impl Carried {
    /// A new frontend; an error leaves nothing behind. It is one of the `common` ones, if there are, instead of having a socket.
    pub(crate) fn new(
        key: FrontendKey,
        frontend: Arc<Frontend>,
        engine: &Arc<Engine>,
        common: Option<&Arc<Routes>>,
    ) -> io::Result<Self> {
        let route = Arc::new(Route::new(key, Arc::clone(engine)));
        let home = engine.workers.home();
        let pools = Pools::new(&frontend, &Pools::default());
        let open = if pools.is_empty() {
            None
        } else {
            Some(Socket::bind(&route, home, common)?)
        };
        route.set(&frontend, pools);
        let open = open.map(|socket| socket.serve(&route, home));
        Ok(Self {
            frontend,
            route,
            home,
            open,
        })
    }

    /// A new version; an error leaves the one before as it is.
    pub(crate) async fn update(
        &mut self,
        frontend: Arc<Frontend>,
        common: Option<&Arc<Routes>>,
    ) -> io::Result<()> {
        let pools = Pools::new(&frontend, &self.route.pools());
        if pools.is_empty() {
            self.route.set(&frontend, pools);
            self.close().await;
        } else if self.is_open() {
            self.route.set(&frontend, pools);
        } else {
            let socket = Socket::bind(&self.route, self.home, common)?;
            self.route.set(&frontend, pools);
            self.open = Some(socket.serve(&self.route, self.home));
        }
        self.frontend = frontend;
        Ok(())
    }

    /// Lives as long as connections do that came this way.
    pub(crate) fn draining(&self) -> Weak<Route> {
        Arc::downgrade(&self.route)
    }

    /// Whether all is as `frontend` says. A task that ended by itself is a bug, and observing it mends it.
    pub(crate) fn is_sound(&self) -> bool {
        match &self.open {
            Some(Open::Own(own)) => !own.0.is_finished(),
            Some(Open::Common(_)) | None => true,
        }
    }

    fn is_open(&self) -> bool {
        self.open.is_some() && self.is_sound()
    }

    /// Closes the socket: from then on the kernel refuses clients.
    pub(crate) async fn close(&mut self) {
        if let Some(Open::Own(mut own)) = self.open.take() {
            own.0.abort();
            // An aborted task ends with an error, which is what was asked for.
            let _ended = (&mut own.0).await;
        }
    }
}

/// How clients reach it.
enum Open {
    /// By a task that owns the frontend's socket.
    Own(Own),
    /// By the listener of all, for as long as this is kept.
    Common(#[expect(dead_code, reason = "it is dropped")] Registered),
}

struct Own(JoinHandle<()>);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Bound, but not yet served.
enum Socket {
    Tcp(Watched),
    Udp(UdpSocket),
    /// None of its own.
    Common(Arc<Routes>),
}

impl Socket {
    fn bind(route: &Route, home: Place, common: Option<&Arc<Routes>>) -> io::Result<Self> {
        if let Some(routes) = common {
            return Ok(Self::Common(Arc::clone(routes)));
        }
        let socket = bind(route.key, route.engine.is_virtual(route.key.address))?;
        // Its events arrive where it is served.
        let _there = route.engine.workers.handle(home).enter();
        Ok(if route.key.protocol == Protocol::Tcp {
            Self::Tcp(Watched::new(socket, Interest::READABLE)?)
        } else {
            Self::Udp(UdpSocket::from_std(StdUdpSocket::from(socket))?)
        })
    }

    fn serve(self, route: &Arc<Route>, home: Place) -> Open {
        let there = route.engine.workers.handle(home);
        let own = Arc::clone(route);
        let task = match self {
            Self::Tcp(listener) => there.spawn(tcp::serve(listener, Accepts::Of(own), home)),
            Self::Udp(socket) => there.spawn(udp::serve(socket, own)),
            Self::Common(routes) => {
                return Open::Common(routes.register(route));
            }
        };
        Open::Own(Own(task))
    }
}
