//! Every state with every input, against a table; then any sequence of inputs, against what must hold whatever comes.

use std::collections::HashSet;

use proptest::prelude::*;

use super::parts::{Input, Machine, Output, Refusal, State};

type Table = [(State<i32>, Input<i32>, State<i32>, Output<i32>); 35];

const INPUTS: [Input<i32>; 7] = [
    Input::Register,
    Input::Connected,
    Input::Refused(8),
    Input::LastGone,
    Input::Error(9),
    Input::Exited,
    Input::Cancelled,
];

/// What the original does, line by line, where it does something; exits are ours.
const TABLE: Table = {
    use Output::{Admit, Cancel, Connect, Nothing, Refuse, Release};
    use State::{Connected, Disconnected, Disconnecting, Failed, Failing};
    const KEPT: Refusal<i32> = Refusal::Failed(5);
    [
        (Disconnected, Input::Register, Disconnected, Connect),
        (Disconnected, Input::Connected, Connected, Nothing),
        (Disconnected, Input::Refused(8), Failed(8), Nothing),
        (Disconnected, Input::LastGone, Disconnected, Nothing),
        (Disconnected, Input::Error(9), Failed(9), Nothing),
        (Disconnected, Input::Exited, Disconnected, Nothing),
        (Disconnected, Input::Cancelled, Disconnected, Nothing),
        (Connected, Input::Register, Connected, Admit),
        (Connected, Input::Connected, Connected, Nothing),
        (Connected, Input::Refused(8), Connected, Nothing),
        (Connected, Input::LastGone, Disconnecting, Cancel),
        (Connected, Input::Error(9), Failing(9), Cancel),
        (Connected, Input::Exited, Disconnecting, Cancel),
        (Connected, Input::Cancelled, Connected, Nothing),
        (Disconnecting, Input::Register, Connected, Admit),
        (Disconnecting, Input::Connected, Disconnecting, Nothing),
        (Disconnecting, Input::Refused(8), Disconnecting, Nothing),
        (Disconnecting, Input::LastGone, Disconnecting, Nothing),
        (Disconnecting, Input::Error(9), Failing(9), Nothing),
        (Disconnecting, Input::Exited, Disconnecting, Nothing),
        (Disconnecting, Input::Cancelled, Disconnected, Release),
        (Failing(5), Input::Register, Failing(5), Refuse(KEPT)),
        (Failing(5), Input::Connected, Failing(5), Nothing),
        (Failing(5), Input::Refused(8), Failing(5), Nothing),
        (Failing(5), Input::LastGone, Failing(5), Nothing),
        (Failing(5), Input::Error(9), Failing(5), Nothing),
        (Failing(5), Input::Exited, Failing(5), Nothing),
        (Failing(5), Input::Cancelled, Failed(5), Release),
        (Failed(5), Input::Register, Failed(5), Refuse(KEPT)),
        (Failed(5), Input::Connected, Failed(5), Release),
        (Failed(5), Input::Refused(8), Failed(5), Nothing),
        (Failed(5), Input::LastGone, Failed(5), Nothing),
        (Failed(5), Input::Error(9), Failed(5), Nothing),
        (Failed(5), Input::Exited, Failed(5), Nothing),
        (Failed(5), Input::Cancelled, Failed(5), Nothing),
    ]
};

#[test]
fn every_state_and_every_input() {
    for (state, input, next, output) in TABLE {
        let mut machine = Machine::at(state, false);
        let found = machine.step(input);
        assert_eq!((machine.state(), found), (next, output), "{state:?} and {input:?}");
        assert_eq!(machine.has_exited(), input == Input::Exited, "{state:?} and {input:?}");
    }
    let rows: HashSet<_> = TABLE.iter().map(|(state, input, ..)| format!("{state:?} {input:?}")).collect();
    assert_eq!(rows.len(), 5 * INPUTS.len(), "the table is whole");
}

#[test]
fn a_target_that_is_gone_admits_nobody_and_is_never_connected_again() {
    let gone = Output::Refuse(Refusal::Exited);
    for (state, input, next, output) in TABLE {
        let mut machine = Machine::at(state, true);
        let found = machine.step(input);
        let expected = match (input, state) {
            (Input::Register, State::Disconnected | State::Connected | State::Disconnecting) => (state, gone),
            (Input::Connected, State::Disconnected) => (state, Output::Release),
            _ => (next, output),
        };
        assert_eq!((machine.state(), found), expected, "{state:?} and {input:?}");
        assert!(machine.has_exited());
    }
}

#[test]
fn states_have_the_names_that_users_see() {
    let states = [State::Disconnected, State::Connected, State::Disconnecting, State::Failing(1), State::Failed(1)]
        .map(|s| s.name());
    assert_eq!(states, ["disconnected", "connected", "disconnecting", "failing", "failed"]);
}

/// An owner that does as it is told, now or when it comes to it, and the resources that it holds.
#[derive(Default)]
struct Owner {
    machine: Machine<i32>,
    asked: bool,
    ports: i32,
    cancelling: bool,
}

impl Owner {
    fn feed(&mut self, input: Input<i32>) {
        let before = self.machine.state();
        match self.machine.step(input) {
            Output::Connect => self.asked = true,
            Output::Cancel => self.cancelling = true,
            Output::Release => self.ports -= 1,
            Output::Admit => assert_eq!(self.machine.state(), State::Connected),
            Output::Refuse(_) | Output::Nothing => {}
        }
        if let State::Failed(first) = before {
            assert_eq!(self.machine.state(), State::Failed(first), "nothing leads out of failed");
        }
    }

    fn act(&mut self, choice: u8) {
        match choice {
            0 | 1 => self.feed(Input::Register),
            2 if self.asked => {
                (self.asked, self.ports) = (false, self.ports + 1);
                self.feed(Input::Connected);
            }
            3 if self.asked => {
                self.asked = false;
                self.feed(Input::Refused(3));
            }
            4 => self.feed(Input::LastGone),
            5 => self.feed(Input::Error(9)),
            6 => self.feed(Input::Exited),
            7 | 8 if self.cancelling => {
                self.cancelling = false;
                self.feed(Input::Cancelled);
            }
            _ => {}
        }
        let holds = matches!(self.machine.state(), State::Connected | State::Disconnecting | State::Failing(_));
        assert_eq!(self.ports, i32::from(holds), "{:?}", self.machine);
        if matches!(self.machine.state(), State::Disconnecting | State::Failing(_)) {
            assert!(self.cancelling, "somebody will say that nobody listens any more");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A port is held exactly in the three states that have one, whatever happens in whatever order; and a state that
    /// waits for the end of listening always has one to wait for.
    #[test]
    fn a_port_is_held_exactly_where_one_is_needed(choices in proptest::collection::vec(0..9_u8, 0..40)) {
        let mut owner = Owner::default();
        choices.into_iter().for_each(|choice| owner.act(choice));
    }
}
