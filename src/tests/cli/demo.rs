//! The demonstration is what `demo` promises, and is made once.

use std::collections::BTreeSet;

use crate::{
    demo,
    secret::Secret,
    store::{
        self,
        clients::{Filter, From, Page, SortKey, Used},
        organizations::Organization,
    },
    tests::harness::{TestApp, on_both_with},
    time::Lifetime,
};

const FLAGS: [(&str, &str); 2] = [
    ("bootstrap.handle", demo::HANDLE),
    ("bootstrap.organization", demo::NAME),
];

async fn names(app: &TestApp, org: &Organization, filter: &Filter) -> BTreeSet<String> {
    let page = Page {
        sort: SortKey::Name,
        descending: false,
        from: From::Offset(0),
        limit: 200,
    };
    let listed = store::clients::list(app.db(), std::slice::from_ref(&org.id), filter, &page)
        .await
        .unwrap();
    listed
        .unwrap()
        .clients
        .into_iter()
        .map(|client| client.name)
        .collect()
}

#[tokio::test]
async fn the_demonstration_is_as_promised_and_made_once() {
    on_both_with(&FLAGS, async |app: TestApp| {
        let password = Some(Secret::new("copper lantern drifts sideways".to_owned()));
        let mut told = Vec::new();
        let registry = &app.app.registry;
        demo::provision(registry, password.clone(), |line| told.push(line.to_owned()))
            .await
            .unwrap();
        demo::provision(registry, password, |line| told.push(line.to_owned()))
            .await
            .unwrap();
        assert_eq!(told.len(), 1, "{told:?}");

        let all = names(&app, &app.org, &Filter::default()).await;
        assert_eq!(all.len(), 57);
        let search = Filter {
            text: Some("mobile app 3".to_owned()),
            ..Filter::default()
        };
        let found = names(&app, &app.org, &search).await;
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["Mobile app 3", "Mobile app 30", "Mobile app 31"]
        );

        let never = Filter {
            used: Some(Used::Never),
            ..Filter::default()
        };
        let mut expected: BTreeSet<String> = demo::names_never_used().into_iter().collect();
        let system = [
            "Admin Client",
            "Sync Service Client",
            "Mobile App",
            "Desktop Agent",
            "Command Line",
        ];
        expected.extend(system.map(str::to_owned));
        assert_eq!(names(&app, &app.org, &never).await, expected);
        assert_eq!(expected.len(), 9);
        let hooks = store::webhooks::of_organization(app.db(), &app.org.id)
            .await
            .unwrap();
        let [hook] = hooks.as_slice() else {
            panic!("{hooks:?}")
        };
        // It shows what it was told, and nothing leaves the machine.
        let told = store::webhook_deliveries::list(app.db(), &hook.id, None, None, 10)
            .await
            .unwrap();
        assert_eq!((hook.active, told.len()), (false, 4));
        assert_eq!(crate::webhooks::deliver(&app.app).await.unwrap(), 0);
        for days in [30, 90, 180] {
            let idle = Filter {
                used: Some(Used::NotSince(registry.now().before(Lifetime::days(days)))),
                ..Filter::default()
            };
            let expected: BTreeSet<String> = demo::names_not_used_in(days).into_iter().collect();
            assert_eq!(names(&app, &app.org, &idle).await, expected, "{days}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_real_installation_gets_no_demonstration() {
    on_both_with(&[], async |app: TestApp| {
        let registry = &app.app.registry;
        let new = crate::registry::people::NewAccount {
            username: "olivia".to_owned(),
            display_name: None,
            password: Secret::new("copper lantern drifts sideways".to_owned()),
        };
        crate::registry::people::create(registry, new, true, &[])
            .await
            .unwrap();
        let refused = demo::provision(registry, None, |line| panic!("{line}"))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("set up for real"), "{refused}");
    })
    .await;
}
