"""GitHub's objects for a user and a release, with every field that it promises."""

from typing import Any
from urllib.parse import quote


def user(login: str, number: int = 1) -> dict[str, Any]:
    """A user, as other objects have it."""
    url = f"https://api.github.com/users/{login}"
    lists = ("followers", "subscriptions", "organizations", "repos", "received_events")
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        **{f"{name}_url": f"{url}/{name}" for name in lists},
        "type": "User",
        "site_admin": False,
    }


def archives(repo: str, tag: str) -> dict[str, str]:
    """Where the source of a tag is; a draft has no such place."""
    url, path = f"https://api.github.com/repos/{repo}", quote(tag, errors="replace")
    return {"tarball_url": f"{url}/tarball/{path}", "zipball_url": f"{url}/zipball/{path}"}


def release(repo: str, number: int, tag: str) -> dict[str, Any]:
    """A release of a tag, as a draft that nobody published."""
    url, path = f"repos/{repo}/releases/{number}", quote(tag, errors="replace")
    return {
        "id": number,
        "node_id": f"RE_{number}",
        "url": f"https://api.github.com/{url}",
        "assets_url": f"https://api.github.com/{url}/assets",
        "upload_url": f"https://uploads.github.com/{url}/assets{{?name,label}}",
        "html_url": f"https://github.com/{repo}/releases/tag/{path}",
        "tarball_url": None,
        "zipball_url": None,
        "tag_name": tag,
        "target_commitish": "main",
        "name": tag,
        "body": "",
        "draft": True,
        "prerelease": False,
        "published_at": None,
        "author": user("octocat"),
        "assets": [],
    }
