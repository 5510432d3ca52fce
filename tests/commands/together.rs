//! Several services of one `azds up`.

use azds_tests::Cluster;
use azds_tests::space::run;

#[tokio::test]
async fn services_come_up_after_those_that_they_need() {
    let space = Cluster::get().space().await;
    let front = space.python_service("front", &[]);
    let back = space.python_service("back", &[]);
    front.write(
        "values.dev.yaml",
        "secrets:\n  urls:\n    back: http://back\n",
    );
    let up = run(space
        .command()
        .arg("up")
        .args([&front.folder, &back.folder])
        .args(["-d", "-o", "json"]));
    let rows = up.json();
    let names: Vec<_> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|it| &it["service"])
        .collect();
    assert_eq!(names, ["back", "front"]);

    // One that does not start keeps those from starting that need it.
    let dockerfile = back.read("Dockerfile.develop");
    back.write("Dockerfile.develop", &format!("{dockerfile}RUN false\n"));
    let up = run(space
        .command()
        .args(["up", "--all"])
        .arg(front.folder.parent().expect("a folder"))
        .args(["-d", "-o", "json"]));
    let rows = up.failure();
    assert!(
        rows[0]["why"]
            .as_str()
            .is_some_and(|why| why.contains("RUN false")),
        "{rows}"
    );
    assert_eq!(
        rows[1]["why"], "it needs back, which did not start",
        "{rows}"
    );
}
