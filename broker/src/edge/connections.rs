//! The open connections: counted per identity, cut when their certificate is no longer good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::limits::Limits;
use super::peer::Peer;

/// All open connections.
pub struct Connections {
    limits: Limits,
    open: Mutex<HashMap<u64, Arc<Peer>>>,
    next: std::sync::atomic::AtomicU64,
    count: watch::Sender<usize>,
}

/// An open connection; closed when dropped.
pub struct Open {
    id: u64,
    connections: Arc<Connections>,
}

impl Connections {
    /// None yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Mutex::default(),
            next: std::sync::atomic::AtomicU64::new(0),
            count: watch::Sender::new(0),
        }
    }

    /// Takes in a connection; none if there are too many, in all or of this identity.
    #[must_use]
    pub fn open(self: &Arc<Self>, peer: Arc<Peer>) -> Option<Open> {
        let mut open = self.table();
        let same = open.values().filter(|other| other.leaf.identity == peer.leaf.identity).count();
        if open.len() >= self.limits.connections_max
            || same >= self.limits.connections_per_identity_max
        {
            return None;
        }
        let id = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        open.insert(id, peer);
        self.count.send_replace(open.len());
        Some(Open { id, connections: self.clone() })
    }

    /// Number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().len()
    }

    /// Cuts every connection whose peer fits.
    pub fn cut_where(&self, fits: impl Fn(&Peer) -> bool) {
        let peers: Vec<Arc<Peer>> = self.table().values().cloned().collect();
        for peer in peers.iter().filter(|peer| !peer.cut.is_cancelled() && fits(peer)) {
            tracing::warn!(identity = %peer.leaf.identity, "connection cut: its certificate is no longer good");
            peer.cut.cancel();
        }
    }

    /// Cuts everything.
    pub fn cut_all(&self) {
        for peer in self.table().values() {
            peer.cut.cancel();
        }
    }

    /// Waits until no connection is open.
    pub async fn all_closed(&self) {
        let mut count = self.count.subscribe();
        // The sender lives as long as self; an error cannot happen.
        let _closed = count.wait_for(|count| *count == 0).await;
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Arc<Peer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.connections.table();
        open.remove(&self.id);
        self.connections.count.send_replace(open.len());
    }
}
