//! The life of one registration for notifications, as a pure machine: inputs in, one output out; no clock, nothing
//! waits.
//!
//! dyld's own reader has the same five states (`Process.Impl.NotifierState`, dyld-1284). What it does on a dispatch
//! queue,
//! `hub` does under its lock and `receiver` on its thread. The one thing added is that the target can exit: the
//! original never learns of it.

/// Where a registration stands. `F` says why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<F> {
    /// No port, no registration.
    Disconnected,
    /// Registered with the target.
    Connected,
    /// The last client is gone; whoever listens has not stopped yet, so that the same port can still be taken up again.
    Disconnecting,
    /// An error; whoever listens has not stopped yet.
    Failing(F),
    /// An error, and all is given back. Nothing leads out of here.
    Failed(F),
}

impl<F> State<F> {
    /// The name of the state, as users see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connected => "connected",
            Self::Disconnecting => "disconnecting",
            Self::Failing(_) => "failing",
            Self::Failed(_) => "failed",
        }
    }
}

/// What happens to a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<F> {
    /// Somebody wants to be a client.
    Register,
    /// The connection that was asked for stands.
    Connected,
    /// The connection that was asked for could not be made; nothing of it is left.
    Refused(F),
    /// The last client unregistered.
    LastGone,
    /// Receiving or replying failed, or there came what dyld does not send.
    Error(F),
    /// The target is gone.
    Exited,
    /// Whoever listened has stopped.
    Cancelled,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<F> {
    /// Nothing.
    Nothing,
    /// The client may be added.
    Admit,
    /// The client may not be added, now or ever.
    Refuse(Refusal<F>),
    /// Make the connection, say [`Input::Connected`] or [`Input::Refused`], and register again.
    Connect,
    /// Forget all clients, stop listening, and say [`Input::Cancelled`].
    Cancel,
    /// Deregister and destroy the port.
    Release,
}

/// Why nobody is admitted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<F> {
    /// The registration failed.
    Failed(F),
    /// The target is gone.
    Exited,
}

/// A registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine<F> {
    state: State<F>,
    /// Kept beside the state: a target that is gone is no failure, but its number may belong to another process soon.
    exited: bool,
}

impl<F> Default for Machine<F> {
    fn default() -> Self {
        Self { state: State::Disconnected, exited: false }
    }
}

impl<F: Copy> Machine<F> {
    /// A machine in a given state.
    #[cfg(test)]
    pub const fn at(state: State<F>, exited: bool) -> Self {
        Self { state, exited }
    }

    /// Where the registration stands.
    pub const fn state(&self) -> State<F> {
        self.state
    }

    /// Whether the target is known to be gone.
    pub const fn has_exited(&self) -> bool {
        self.exited
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, input: Input<F>) -> Output<F> {
        let (state, output) = match (input, self.state) {
            (Input::Register, State::Failing(failure) | State::Failed(failure)) => {
                (self.state, Output::Refuse(Refusal::Failed(failure)))
            }
            (Input::Register, _) if self.exited => (self.state, Output::Refuse(Refusal::Exited)),
            // From disconnecting, the same port goes on: the cancellation that is under way then does nothing.
            (Input::Register, State::Connected | State::Disconnecting) => (State::Connected, Output::Admit),
            (Input::Register, State::Disconnected) => (self.state, Output::Connect),

            (Input::Connected, State::Disconnected) if !self.exited => (State::Connected, Output::Nothing),
            // It failed, or ended, while the connection was made: nobody else will give that back.
            (Input::Connected, State::Disconnected | State::Failed(_)) => (self.state, Output::Release),
            (Input::Refused(failure), State::Disconnected) => (State::Failed(failure), Output::Nothing),

            (Input::LastGone, State::Connected) => (State::Disconnecting, Output::Cancel),

            (Input::Error(failure), State::Connected) => (State::Failing(failure), Output::Cancel),
            (Input::Error(failure), State::Disconnecting) => (State::Failing(failure), Output::Nothing),
            (Input::Error(failure), State::Disconnected) => (State::Failed(failure), Output::Nothing),

            (Input::Exited, State::Connected) => {
                self.exited = true;
                (State::Disconnecting, Output::Cancel)
            }
            (Input::Exited, _) => {
                self.exited = true;
                (self.state, Output::Nothing)
            }

            (Input::Cancelled, State::Disconnecting) => (State::Disconnected, Output::Release),
            (Input::Cancelled, State::Failing(failure)) => (State::Failed(failure), Output::Release),

            // An answer that nobody waits for any more, a second farewell, an error after the first.
            (Input::Connected | Input::Refused(_) | Input::LastGone | Input::Error(_) | Input::Cancelled, _) => {
                (self.state, Output::Nothing)
            }
        };
        self.state = state;
        output
    }
}
