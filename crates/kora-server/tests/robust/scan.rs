//! SCAN over several shards.

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::expiry::{count, each_worker_count, pipeline};
use crate::server::wait_until;

/// A small database comes in one call on any number of workers; a call costs what COUNT says.
#[test]
fn a_scan_goes_on_from_shard_to_shard() {
    each_worker_count(|_, client| {
        let scan = |client: &mut Client, words: &str| {
            let Frame::Array(parts) = client.line(words) else { panic!("a cursor and keys") };
            let [Frame::Bulk(cursor), Frame::Array(keys)] = &parts[..] else { panic!("{parts:?}") };
            (String::from_utf8(cursor.clone()).unwrap(), keys.len())
        };
        pipeline(client, 4, |number| request(&["SET", &format!("user:{number}"), "v"]));
        assert_eq!(scan(client, "SCAN 0"), ("0".to_owned(), 4));
        assert_eq!(scan(client, "SCAN 0 MATCH user:* COUNT 100"), ("0".to_owned(), 4));
        assert_eq!(scan(client, "SCAN 0 TYPE string COUNT 100"), ("0".to_owned(), 4));
        assert_eq!(scan(client, "SCAN 0 COUNT 100 TYPE nosuch"), ("0".to_owned(), 0));
        assert_eq!(client.line("MULTI"), ok());
        client.line("SCAN 0");
        let Frame::Array(replies) = client.line("EXEC") else { panic!("EXEC replies to each") };
        let Frame::Array(parts) = &replies[0] else { panic!("{replies:?}") };
        assert_eq!(parts[0], bulk("0"), "in a transaction as well");
        let Frame::Array(parts) = client.line("EVAL return(redis.call('SCAN','0')) 0") else {
            panic!("no array")
        };
        assert_eq!(parts[0], bulk("0"), "and in a script");
        pipeline(client, 5000, |number| request(&["SET", &format!("many:{number}"), "v"]));
        let (mut cursor, mut found, mut calls) = ("0".to_owned(), 0, 0);
        loop {
            let (next, count) = scan(client, &format!("SCAN {cursor} COUNT 100"));
            assert!(count <= 200, "a call does as much as it is asked for: {count}");
            found += count;
            calls += 1;
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found, 5004);
        assert!(calls <= 60, "{calls} calls");
    });
}

#[test]
fn a_scan_of_one_type_deletes_what_has_expired() {
    each_worker_count(|_, client| {
        client.line("DEBUG SET-ACTIVE-EXPIRE 0");
        for number in 0..10 {
            client.line(&format!("SET s{number} v PX 1"));
        }
        client.line("RPUSH list v");
        wait_until("they have expired", || client.line("GET s9") == Frame::Null);
        let Frame::Array(parts) = client.line("SCAN 0 COUNT 1000 TYPE list") else { panic!("no array") };
        assert_eq!(parts, [bulk("0"), Frame::Array(vec![bulk("list")])]);
        assert_eq!(count(&client.line("DBSIZE")), 1);
    });
}
