"""The login: what each mode renders, and which values are refused."""

import json

import pytest

from chart.rendering import NAME, RenderError, environment, objects, one

CLIENT = {"issuerUrl": "https://id.example.org", "clientId": "stack", "existingSecret": "ui"}


def by_provider(**changes):
    given = {k: v for k, v in {**CLIENT, **changes}.items() if v is not None}
    return ('auth.mode="oidc"', f"auth.oidc={json.dumps(given)}")


def webserver(found):
    [container] = one(found, "Deployment", "webserver")["spec"]["template"]["spec"]["containers"]
    return container


def named(found, kind):
    return {o["metadata"]["name"] for o in found if o["kind"] == kind}


def backend(found):
    [rule] = one_ingress(found)["spec"]["rules"]
    return rule["http"]["paths"][0]["backend"]["service"]["name"]


def one_ingress(found):
    [ingress] = [o for o in found if o["kind"] == "Ingress"]
    return ingress


INGRESS = ('ingress={"enabled":true,"host":"data.example.org","tlsSecret":"tls"}',)


def test_a_password_is_asked_for_unless_somebody_says_otherwise():
    variables = environment(webserver(objects()))
    assert variables["WEBSERVER_AUTH"] == "basic"
    for role in ("admin", "operator", "viewer"):
        reference = variables[f"WEBSERVER_{role.upper()}_PASSWORD"]["secretKeyRef"]
        assert reference["name"] == f"{NAME}-auth"
        assert reference["key"] == f"{role}-password"
    assert (
        environment(webserver(objects("default", 'auth.mode="none"')))["WEBSERVER_AUTH"] == "none"
    )


def test_ingress_leads_to_the_proxy_where_there_is_one():
    assert backend(objects("default", *INGRESS)) == f"{NAME}-webserver"
    found = objects("default", *INGRESS, *by_provider())
    assert backend(found) == f"{NAME}-proxy"
    [proxy] = one(found, "Deployment", "proxy")["spec"]["template"]["spec"]["containers"]
    assert "--redirect-url=https://data.example.org/oauth2/callback" in proxy["args"]
    assert "--cookie-secure=true" in proxy["args"]
    assert environment(proxy)["OAUTH2_PROXY_CLIENT_SECRET"]["secretKeyRef"]["name"] == "ui"
    between = {
        environment(proxy)["OAUTH2_PROXY_BASIC_AUTH_PASSWORD"]["secretKeyRef"]["key"],
        environment(webserver(found))["WEBSERVER_PROXY_SECRET"]["secretKeyRef"]["key"],
    }
    assert between == {"proxy-secret"}
    assert "data.example.org" in environment(webserver(found))["WEBSERVER_ALLOWED_HOSTS"]


def test_names_of_groups_reach_the_proxy_as_they_are():
    groups = ["Team #1", "Data: Team", "Führung"]
    found = objects("default", *by_provider(allowedGroups=groups))
    [proxy] = one(found, "Deployment", "proxy")["spec"]["template"]["spec"]["containers"]
    assert {f"--allowed-group={group}" for group in groups} <= set(proxy["args"])
    assert not [o for o in found if o["metadata"]["name"] == f"{NAME}-auth"]


def test_only_the_front_is_exposed():
    service = 'webserver.service={"type":"LoadBalancer","port":8080,"annotations":{"a":"b"}}'
    found = objects("default", service, *by_provider())
    assert one(found, "Service", "proxy")["spec"]["type"] == "LoadBalancer"
    behind = one(found, "Service", "webserver")
    assert behind["spec"]["type"] == "ClusterIP"
    assert "a" not in behind["metadata"].get("annotations", {})
    assert (
        one(objects("default", service), "Service", "webserver")["spec"]["type"] == "LoadBalancer"
    )


def test_a_path_prefix_is_the_proxys_too():
    found = objects("default", *INGRESS, 'webserver.pathPrefix="/dagster"', *by_provider())
    [proxy] = one(found, "Deployment", "proxy")["spec"]["template"]["spec"]["containers"]
    assert "--proxy-prefix=/dagster/oauth2" in proxy["args"]
    assert "--redirect-url=https://data.example.org/dagster/oauth2/callback" in proxy["args"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (by_provider(issuerUrl=None), "auth.oidc.issuerUrl or auth.oidc.clientId is empty"),
        (by_provider(clientId=None), "auth.oidc.issuerUrl or auth.oidc.clientId is empty"),
        (by_provider(existingSecret=None), "auth.oidc.existingSecret or auth.oidc.clientSecret"),
        (by_provider(clientSecret="x"), "but so is clientSecret"),
        (by_provider(issuerUrl="id.example.org"), "issuerUrl"),
        (by_provider(defaultRole="root"), "defaultRole"),
        (by_provider(roles={"boss": []}), "roles"),
        (by_provider(scope="email"), "scope"),
        (by_provider()[1:], "auth.mode is basic: set auth.mode=oidc"),
        (
            (*by_provider(), 'auth.basic.existingSecret="x"'),
            "auth.mode is oidc: set auth.mode=basic",
        ),
        (('auth.mode="off"',), "mode"),
        (("auth=null",), "auth"),
    ],
)
def test_a_login_that_can_not_work_is_refused(settings, says):
    with pytest.raises(RenderError, match=says):
        objects("default", *settings)
