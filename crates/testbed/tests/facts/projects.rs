//! The project as a place for a hold, when Git owns it.

use ripcord_testbed::NAMESPACE;

use crate::incident::{A_WHILE, Incident, SERVICE};

fn windows(incident: &Incident<'_>) -> serde_json::Value {
    let projects = incident.api("argoproj.io/v1alpha1", "AppProject", NAMESPACE);
    let name = incident.scene.name();
    let project = incident.bed.block_on(projects.get(name)).unwrap();
    project.data["spec"]["syncWindows"].clone()
}

#[test]
fn a_window_stays_on_a_project_that_git_says_nothing_of_windows_in() {
    let mut incident = Incident::none_yet("project-in-git", "project-silent", SERVICE);
    let infra = incident.scene.infra();
    let path = "apps/team/project.yaml";
    let text = infra.read(path).unwrap();
    let (silent, _) = text.split_once("  syncWindows:").unwrap();
    infra.write(path, silent);
    let tip = infra.commit("Sync at any time").land().unwrap();
    incident.refresh();
    incident.wait_until_durable(&tip);
    incident.wait_until("no windows", || windows(&incident).is_null());
    incident.close(true);
    incident.refresh();
    std::thread::sleep(A_WHILE);
    assert_eq!(windows(&incident)[0]["kind"], "deny");
    let app = incident.app();
    assert_eq!(app["status"]["sync"]["status"], "Synced");
}

#[test]
fn a_parent_application_takes_the_window_from_a_project_whose_windows_are_in_git() {
    let incident = Incident::none_yet("project-in-git", "project-owned", SERVICE);
    incident.close(true);
    incident.wait_until("the window is gone", || {
        windows(&incident)[0]["kind"] == "allow"
    });
}
