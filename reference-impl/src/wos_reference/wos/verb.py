"""The bodies of the verbs of the test control (openapi/test-control.yaml); members that nobody knows are ignored."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Version = Annotated[int, Meta(ge=1)]


class Client(Struct, rename="camel"):
    """A verb about a client."""

    spiffe_id: str


class Admit(Client, rename="camel"):
    """With `approval`, an enrolment waits for the verb `approve`; a factory certificate is an addition of ours."""

    approval: bool = False
    factory_certificate_pem: str | None = None


class Assign(Client, rename="camel"):
    """Without a device, the WOS chooses one."""

    application: dict[str, Any]
    profile_id: str
    device_id: str = ""
    parameters: dict[str, Any] = {}


class Update(Struct, rename="camel"):
    """What is left out keeps its value."""

    deployment_id: str
    application: dict[str, Any] | None = None
    profile_id: str | None = None
    parameters: dict[str, Any] | None = None


class Withdraw(Struct, rename="camel"):
    """A verb about a deployment."""

    deployment_id: str


class SetVersion(Client, rename="camel"):
    """The next manifest has a greater version."""

    version: Version


class Fault(Client, rename="camel"):
    """The next requests for the manifest are answered with this status."""

    status: Literal[429, 500, 503]
    count: Annotated[int, Meta(ge=1, le=100)] = 1


class RotateTrust(Struct, rename="camel"):
    """The roots that are in force from now on."""

    trust_bundle_pem: str
