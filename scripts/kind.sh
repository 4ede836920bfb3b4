#!/usr/bin/env bash
# A cluster on this machine by kind-config.yaml, with the registry localhost:5000 and an ingress on the
# ports 80 and 443. Needs docker and kubectl; kind is found or compiled.
#   scripts/kind.sh up                        make what is missing, as often as you like
#   scripts/kind.sh down [cluster] [registry] delete these, or both
#   scripts/kind.sh missing                   print which of the two isn't there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cluster=$(sed -n 's/^name: *//p' kind-config.yaml)
registry=kind-registry

die() { echo "kind: $*" >&2; exit 1; }

has() {
    case $1 in
    cluster) kind get clusters 2>/dev/null | grep -qx "$cluster" ;;
    registry) docker container inspect "$registry" >/dev/null 2>&1 ;;
    esac
}

up() {
    has cluster || kind create cluster --config kind-config.yaml --wait 5m
    kind export kubeconfig --name "$cluster"
    if has registry; then
        docker start "$registry" >/dev/null
    else
        docker run --detach --restart always --publish 127.0.0.1:5000:5000 --network bridge \
            --name "$registry" registry:2 >/dev/null
    fi
    [[ " $(docker container inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' "$registry")" == *" kind "* ]] ||
        docker network connect kind "$registry"
    kubectl apply --filename k8s/kind/ingress.yaml
    kubectl --namespace ingress rollout status deployment/traefik --timeout 5m
}

down() {
    local what
    (($#)) || set -- cluster registry
    for what in "$@"; do
        case $what in
        cluster) kind delete cluster --name "$cluster" ;;
        registry) docker rm --force --volumes "$registry" >/dev/null ;;
        *) die "no $what: cluster or registry" ;;
        esac
    done
}

missing() {
    local what
    for what in cluster registry; do has "$what" || echo "$what"; done
}

command=${1:-}
[[ $command == up || $command == down || $command == missing ]] || die "up, down or missing?"
shift
for program in docker kubectl; do
    command -v "$program" >/dev/null || die "no $program on PATH: install it"
done
tools=$(scripts/tools.sh kind)
export PATH=$PATH:$tools
"$command" "$@"
