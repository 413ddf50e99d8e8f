//! `run` that cannot: what is told before anything listens. That it runs is the business of `tests/chaos`.

use crate::{APP, ROLES, folder, scopegate_in};

#[test]
fn settings_that_are_missing_or_wrong_are_told_with_their_place() {
    let folder = folder(&[
        ("unknown.yaml", "listeners: {https: [\"127.0.0.1:0\"]}\nlistner: 1\n"),
        ("address.yaml", "listeners: {https: [\"nowhere\"]}\n"),
    ]);
    let run = |config: &str| scopegate_in(folder.path(), &["run", "--config", config]);
    run("missing.yaml").fails(&["missing.yaml"]);
    run("unknown.yaml").fails(&["unknown.yaml:2:1", "listner"]);
    run("address.yaml").fails(&["address.yaml:1:21", "an address and a port, such as `0.0.0.0:8443`"]);
}

#[test]
fn rules_and_certificates_that_cannot_be_used_are_told_before_anything_listens() {
    let settings =
        "listeners: {https: [\"127.0.0.1:0\"]}\ntls: {certificates: [{certificate: gateway.crt, key: gateway.key}]}\n";
    let folder = folder(&[("gateway.yaml", settings), ("routes/roles.yaml", ROLES)]);
    let run = || scopegate_in(folder.path(), &["run"]);
    let made = scopegate_in(folder.path(), &["certificate", "--directory", ".", "gateway"]);
    assert_eq!(made.code, 0, "{made:?}");
    run().fails(&["no file describes an application"]);
    std::fs::write(folder.path().join("routes/shop.yaml"), APP.replace("stock:view", "stock:veiw")).unwrap();
    run().fails(&["routes/shop.yaml:5:", "unknown permission `stock:veiw`"]);
    std::fs::write(folder.path().join("routes/shop.yaml"), APP).unwrap();
    std::fs::write(folder.path().join("gateway.crt"), "nonsense").unwrap();
    run().fails(&["gateway.crt` holds no certificate"]);
    let made = scopegate_in(folder.path(), &["certificate", "--force", "--directory", ".", "gateway"]);
    assert_eq!(made.code, 0, "{made:?}");
    std::fs::remove_file(folder.path().join("gateway.key")).unwrap();
    run().fails(&["gateway.key"]);
}
