//! Who listens, and what each has still to hear. No lock and no thread here.

use std::collections::{BTreeMap, VecDeque};

/// What listeners are told: some things at once, in order.
pub trait Batch: Clone {
    /// One of the things.
    type Item;
    /// What a listener listens for.
    type Interest;

    /// Thing `index`; `None` past the end.
    fn item(&self, index: usize) -> Option<Self::Item>;

    /// Whether there is more than `index` things.
    fn reaches(&self, index: usize) -> bool;

    /// Whether somebody of that interest wants to hear it.
    fn is_for(&self, interest: &Self::Interest) -> bool;
}

/// One thing that was taken, and the batch that it was the last one of, to be dropped where no lock is held.
pub type Taken<B> = (<B as Batch>::Item, Option<B>);

/// What tells somebody who waits on a descriptor that there is something to take. It must not wait for anything.
pub trait Bell {
    /// Something is there.
    fn ring(&self);
    /// Nothing is there any more.
    fn hush(&self);
}

/// How a listener hears.
#[derive(Debug)]
pub enum Role<N> {
    /// It takes what is there, when it likes.
    Stream(N),
    /// It is called.
    Handler,
}

/// A batch in the queue of a listener, with its place in the order of all.
#[derive(Debug)]
struct Queued<B> {
    batch: B,
    serial: u64,
}

struct Client<B: Batch, N> {
    interest: B::Interest,
    role: Role<N>,
    queue: VecDeque<Queued<B>>,
    /// How much of the first batch was taken.
    taken: usize,
}

impl<B: Batch, N: Bell> Client<B, N> {
    fn push(&mut self, batch: B, serial: u64) {
        if !batch.is_for(&self.interest) || !batch.reaches(0) {
            return;
        }
        self.queue.push_back(Queued { batch, serial });
        if let (Role::Stream(bell), 1) = (&self.role, self.queue.len()) {
            bell.ring();
        }
    }

    /// Takes the next thing.
    fn take(&mut self) -> Option<Taken<B>> {
        let batch = &self.queue.front()?.batch;
        let item = batch.item(self.taken)?;
        self.taken = self.taken.saturating_add(1);
        let mut done = None;
        if !batch.reaches(self.taken) {
            self.taken = 0;
            done = self.queue.pop_front().map(|queued| queued.batch);
        }
        Some((item, done))
    }
}

/// A call that is to be made.
pub struct Call<B: Batch> {
    /// The number of the listener.
    pub id: u64,
    /// What it is to hear.
    pub item: B::Item,
    /// A batch that is through, to be dropped where no lock is held.
    pub spent: Option<B>,
}

/// A listener that was struck off, to be dropped where no lock is held: it may hold anything.
#[must_use]
pub struct Removed<B: Batch, N> {
    _client: Client<B, N>,
}

/// The listeners of one target.
pub struct Roster<B: Batch, N> {
    clients: BTreeMap<u64, Client<B, N>>,
    last_id: u64,
    last_serial: u64,
    /// Whether a handler is out on a call.
    calling: bool,
    /// Whether nothing will be told any more.
    ended: bool,
}

impl<B: Batch, N> Default for Roster<B, N> {
    fn default() -> Self {
        Self { clients: BTreeMap::new(), last_id: 0, last_serial: 0, calling: false, ended: false }
    }
}

impl<B: Batch, N: Bell> Roster<B, N> {
    /// A number for a listener to come. Numbers start at 1 and only grow.
    pub fn reserve(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// Adds a listener of that number, which hears `first` before anything else.
    pub fn add(&mut self, id: u64, interest: B::Interest, role: Role<N>, first: Option<B>) {
        let mut client = Client { interest, role, queue: VecDeque::new(), taken: 0 };
        if let Some(first) = first {
            self.last_serial = self.last_serial.wrapping_add(1);
            client.push(first, self.last_serial);
        }
        if let (Role::Stream(bell), true) = (&client.role, self.ended) {
            bell.ring();
        }
        self.clients.insert(id, client);
    }

    /// Strikes a listener off; what it has not heard it never will. Who waits for it is woken.
    pub fn remove(&mut self, id: u64) -> Option<Removed<B, N>> {
        let client = self.clients.remove(&id)?;
        if let Role::Stream(bell) = &client.role {
            bell.ring();
        }
        Some(Removed { _client: client })
    }

    /// Strikes everybody off.
    pub fn remove_all(&mut self) -> Vec<Removed<B, N>> {
        let ids: Vec<u64> = self.clients.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Tells everybody whom it concerns.
    pub fn publish(&mut self, batch: &B) {
        if self.ended {
            return;
        }
        self.last_serial = self.last_serial.wrapping_add(1);
        for client in self.clients.values_mut() {
            client.push(batch.clone(), self.last_serial);
        }
    }

    /// Nothing more will come. What is queued can still be taken; streams that wait are woken, and stay awake.
    pub fn end(&mut self) {
        self.ended = true;
        for client in self.clients.values() {
            if let Role::Stream(bell) = &client.role {
                bell.ring();
            }
        }
    }

    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next thing for the stream `id`: `Err` if there is no such listener, or nothing will ever come.
    pub fn take(&mut self, id: u64) -> Result<Option<Taken<B>>, ()> {
        let client = self.clients.get_mut(&id).ok_or(())?;
        let taken = client.take();
        if client.queue.is_empty() {
            if taken.is_none() && self.ended {
                return Err(());
            }
            if let (Role::Stream(bell), false) = (&client.role, self.ended) {
                bell.hush();
            }
        }
        Ok(taken)
    }

    /// The handler whose turn it is, in the order in which things were told. They are called one after the other.
    pub fn call(&mut self) -> Option<Call<B>> {
        if self.calling {
            return None;
        }
        let waiting = self.clients.iter_mut().filter(|(_, client)| matches!(client.role, Role::Handler));
        let turn = waiting.filter_map(|(id, client)| Some((client.queue.front()?.serial, *id, client)));
        let (_, id, client) = turn.min_by_key(|(serial, id, _)| (*serial, *id))?;
        let (item, spent) = client.take()?;
        self.calling = true;
        Some(Call { id, item, spent })
    }

    /// The call that was taken last was made.
    pub fn called(&mut self) {
        self.calling = false;
    }

    /// Whether a handler is out on a call or has something to hear.
    pub fn handlers_are_busy(&self) -> bool {
        let waits = |client: &Client<B, N>| matches!(client.role, Role::Handler) && !client.queue.is_empty();
        self.calling || self.clients.values().any(waits)
    }

    /// The most batches that any listener has still to hear.
    pub fn backlog(&self) -> usize {
        self.clients.values().map(|client| client.queue.len()).max().unwrap_or(0)
    }
}
