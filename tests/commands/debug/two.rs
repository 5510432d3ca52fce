//! Two services at once: one is stopped while the other waits for it.

use azds_tests::Cluster;

use super::table::PYTHON;
use super::{ask, assert_stopped, bring_up, install};

#[tokio::test]
async fn one_service_stops_while_another_waits_for_it() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let producer = space.python_service("stock", &[]);
    let consumer = space.python_service("shop", &[]);
    let own = "currency = \"EUR\"";
    let fetched = "import urllib.request\n    \
        currency = json.load(urllib.request.urlopen(\"http://stock/api/demo\"))[\"currency\"]";
    consumer.replace("app.py", own, fetched);
    bring_up(&producer);
    let uri = bring_up(&consumer);
    install(&space, &["python"]);
    let (mut of_producer, _producer) = PYTHON.attach(&space, &producer);
    let (mut of_consumer, _consumer) = PYTHON.attach(&space, &consumer);

    let asked = ask(&uri);
    let stop = of_producer.stopped();
    assert_stopped(&stop, PYTHON.marked(&producer).0.as_ref(), "'EUR'");
    assert!(!of_consumer.has_seen("stopped"), "it waits for the other");
    of_producer.go_on(&stop);
    let stop = of_consumer.stopped();
    assert_stopped(&stop, PYTHON.marked(&consumer).0.as_ref(), "'EUR'");
    of_consumer.go_on(&stop);
    assert!(asked.join().expect("no panic").contains("EUR"));
    of_consumer.disconnect();
    of_producer.disconnect();
    for service in [consumer, producer] {
        service.azds("down", &[]).json();
    }
}
