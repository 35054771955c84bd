//! What is leased before there is a place for it.

use super::*;

/// An endpoint that has answered at once so often that it is known to.
fn brisk(board: &mut Board, endpoint: EndpointId) {
    for _ in 0..16 {
        assert!(board.admit(endpoint, START));
        assert_eq!(board.turn_of(endpoint, START), Turn::Depart);
        end(board, endpoint, &answered(5, START), START);
    }
}

/// What becomes of those that have not departed, until one waits.
fn turns(board: &mut Board, endpoint: EndpointId, count: usize) -> Vec<Turn> {
    let turns = (0..count).map(|_| board.turn_of(endpoint, START));
    turns.take_while(|turn| *turn != Turn::Wait).collect()
}

#[test]
fn a_brisk_endpoint_is_leased_more_than_it_has_places_and_what_waits_departs_as_places_come_free() {
    let mut board = Board::new(LIMITS);
    board.scanned(&[], START);
    brisk(&mut board, id(1));
    let admitted = (0..100).filter(|_| board.admit(id(1), START)).count();
    assert_eq!(admitted, 16 + LIMITS.ahead(), "half of all places are the most");
    assert_eq!(turns(&mut board, id(1), admitted), [Turn::Depart; 16]);
    assert_eq!((board.in_flight, board.ahead), (16, 20));
    end(&mut board, id(1), &answered(5, START), START);
    assert_eq!(turns(&mut board, id(1), 20), [Turn::Depart]);
    assert_eq!((board.in_flight, board.ahead), (16, 19));
    assert!(board.admit(id(2), START), "the others keep their places");
}

#[test]
fn what_was_leased_ahead_is_handed_back_when_its_endpoint_fails_or_is_slow_and_waits_when_it_hesitates() {
    for (seen, expected) in [
        (failed(5, START), vec![Turn::HandBack; 20]),
        (answered(2_001, START), vec![Turn::HandBack; 20]),
        (answered(101, START), vec![Turn::Depart]),
    ] {
        let mut board = Board::new(LIMITS);
        board.scanned(&[], START);
        brisk(&mut board, id(1));
        while board.admit(id(1), START) {}
        turns(&mut board, id(1), 36);
        end(&mut board, id(1), &seen, START);
        assert_eq!(turns(&mut board, id(1), 20), expected);
        assert_eq!(board.ahead, 20 - expected.len());
        assert!(!board.admit(id(1), START), "no more of them");
    }
}

#[test]
fn a_claim_brings_a_brisk_endpoint_much_at_once_where_nobody_else_waits() {
    let mut board = Board::new(LIMITS);
    board.scanned(&[], START);
    brisk(&mut board, id(1));
    board.hint(id(1), START);
    assert_eq!(claim(&mut board, START), BTreeMap::from([(id(1), 36)]));
    assert_eq!(turns(&mut board, id(1), 36), [Turn::Depart; 16]);
    assert!(claim(&mut board, START).is_empty());
    board.hint(id(2), START);
    assert_eq!(claim(&mut board, START), BTreeMap::from([(id(2), 16)]));
    board.forget(id(1), START);
    assert_eq!(turns(&mut board, id(1), 20), [Turn::Drop; 20]);
    assert_eq!((board.in_flight, board.ahead), (32, 0));
}
