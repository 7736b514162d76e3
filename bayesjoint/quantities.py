"""What can be measured and what it is a field of: the one table of kinds, components, properties and their units.

Every other room asks this one. A new component is one more entry of `COMPONENTS`; with it come its data's units and
their conversions, the names of columns it is found by, its operators on lattices and at stations, its prism sums, and
its place in surveys and configurations.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ._checks import as_finite, as_positive, fail, one_of, warn

GRAVITATIONAL_CONST = 6.6743e-11  # m³/(kg s²), CODATA 2018
FIELD = {"intensity": None, "inclination": 90.0, "declination": 360.0}  # the inducing field: nT > 0; degrees within ±
EARTH = (15_000.0, 80_000.0)  # nT, with room on both sides of what the surface has
MISTAKEN = ((": is it in µT? Give nT", 15.0, 80.0), (": is it in gauss? Give nT", 0.15, 0.8),
            (": is it in tesla? Give nT", 1.5e-5, 8e-5))
KERNELS = ("u", "ee", "nn", "en", "eu", "nu")  # derivatives of 1/r, in the order of `Quantity.coefficients`


def plain_unit(text):
    """Spell a unit the one way the tables do: ``"µm s^-2"`` becomes ``"ums-2"``."""
    if not isinstance(text, str):
        fail("units", "be a text", f"{' '.join(repr(text).split()):.60} of type {type(text).__name__}",
             "Mend the units attribute, or pass units= to say what the file really holds.", TypeError)
    for old, new in (("µ", "u"), ("μ", "u"), ("²", "2"), ("⁻", "-")):
        text = text.replace(old, new)
    return re.sub(r"[\s*^·.]", "", text).lower()


@dataclass(frozen=True, kw_only=True)
class Property:
    """What a parameter may be: how it is called, measured and scaled.

    Parameters
    ----------
    name, units, long_name : str
        Its name among parameters, its units, and its words.
    scale : float
        Physical units of one m̂, which makes m̂ of order one.
    depth_exponent : float or None
        Default β of depth weights of focusing and minimum-length priors; None: has to be given.
    induced : bool
        Whether an inducing field makes a magnetic moment of it.
    spellings : tuple of str
        Of its units beside their own, in small letters and without spaces.
    others : dict of {str: float or None}
        Units that are no spelling of its own, and how many of its own one of them is, where that is a number.
    """

    name: str
    units: str = "1"
    long_name: str = ""
    scale: float = 1.0
    depth_exponent: float | None = None
    induced: bool = False
    spellings: tuple = ()
    others: dict = field(default_factory=dict)

    def checked_units(self, units, what):
        """Units that operators, masses and reports take these values to be in.

        Others that are known are refused; text that is no unit known here stays a label.
        """
        spelled = plain_unit(str(units))
        if units == self.units or spelled in self.spellings:
            return self.units
        if any(spelled in (p.units.lower(), *p.spellings, *p.others) for p in PROPERTIES.values()):
            factor = self.others.get(spelled)
            fail(f"units of {what}", f"be {self.units!r}, in which operators take {self.name} and masses are computed",
                 repr(units) + (f", of which one is {factor:g} {self.units}" if factor else ""),
                 f"Give std, bounds and means in {self.units}.")
        return str(units)


# Scales: density in g/cm³, the unit of the literature. Exponents: those that reproduce the models of the paper on joint
# focusing inversion, the decay of a cell's anomaly with its depth.
PROPERTIES = {p.name: p for p in (
    Property(name="density", units="kg/m3", long_name="density contrast", scale=1000.0, depth_exponent=0.8,
             spellings=("kg/m3", "kgm-3"),
             others=dict.fromkeys(("g/cm3", "gcm-3", "g/cc", "g/ml", "t/m3", "kg/l", "kg/dm3"), 1000.0)
             | {"kg/cm3": 1e6}),
    Property(name="susceptibility", units="SI", long_name="magnetic susceptibility", depth_exponent=1.4, induced=True,
             spellings=("si", "1", "dimensionless", "m3/m3", "si(volume)", "volumesi"),
             others=dict.fromkeys(("cgs", "emu", "emu/cm3", "emu/cc"), 4 * np.pi)
             | {f"{a}si": 10.0**-k for k in (3, 4, 5, 6) for a in (f"1e-{k}", f"10-{k}")}
             | {"msi": 1e-3, "usi": 1e-6, "a/m": None, "%": 0.01}),
)}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit of data.

    Parameters
    ----------
    symbol : str
        As data carry it.
    per_base : float
        How many of it make one base unit: m/s² or 1/s² of gravity, nT of magnetics.
    spellings : dict
        {spelling in small letters, no spaces: how many of this unit one of that makes}; the first is its own.
    words : tuple of str, default ()
        Spellings that at the end of a column's name are a word more often than a unit.
    """

    symbol: str
    per_base: float
    spellings: dict
    words: tuple = ()


MILLIGAL = Unit(symbol="mGal", per_base=1e5, words=("gal",), spellings={
    "mgal": 1.0, "milligal": 1.0, "ugal": 1e-3, "microgal": 1e-3, "gal": 1e3, "cm/s2": 1e3, "gu": 0.1, "um/s2": 0.1,
    "ums-2": 0.1, "nm/s2": 1e-4, "nms-2": 1e-4, "m/s2": 1e5, "ms-2": 1e5})
EOTVOS = Unit(symbol="E", per_base=1e9, spellings={
    "e": 1.0, "eotvos": 1.0, "eötvös": 1.0, "ns-2": 1.0, "1/s2": 1e9, "s-2": 1e9, "mgal/m": 1e4, "ugal/m": 10.0})
NANOTESLA = Unit(symbol="nT", per_base=1.0, words=("t", "gamma"), spellings={
    "nt": 1.0, "nanotesla": 1.0, "gamma": 1.0, "ut": 1e3, "t": 1e9, "tesla": 1e9})


def same_units(own, given):
    """Whether data said to be in `given` are in units `own`, whatever the spelling.

    Examples
    --------
    >>> same_units("mGal", "milligal"), same_units("mGal", "m·s⁻²"), same_units("s", "s")
    (True, False, True)
    """
    unit = next((u for u in (MILLIGAL, EOTVOS, NANOTESLA) if u.symbol == own), None)
    return str(given) == own or (unit is not None and unit.spellings.get(plain_unit(str(given))) == 1.0)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of field.

    Parameters
    ----------
    name : str
    property : Property
        What it is the field of.
    needs_field : bool
        Whether it is induced: intensity, inclination and declination belong to it.
    strength : callable
        intensity -> the factor of the kernels, per unit of property, in base units.
    file_words : frozenset of str
        What names of files say of it, beside its own name.
    """

    name: str
    property: Property
    needs_field: bool
    strength: Callable
    file_words: frozenset


GRAVITY = Kind(name="gravity", property=PROPERTIES["density"], needs_field=False,
               strength=lambda intensity: GRAVITATIONAL_CONST,
               file_words=frozenset({"bouguer", "boug", "cba", "sba", "bga", "freeair", "isostatic"}))
MAGNETIC = Kind(name="magnetic", property=PROPERTIES["susceptibility"], needs_field=True,
                strength=lambda intensity: intensity / (4 * np.pi),
                file_words=frozenset({"rtp", "mags", "aeromag", "aeromagnetic", "dtm"}))


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component of a kind of field: all that the package has to know of it.

    Parameters
    ----------
    name : str
    kind : Kind
    unit : Unit
        Of its data.
    long_name : str
    kernels : callable
        inducing unit vector {"e", "n", "u"} (None without one) -> {kernel: weight}. Kernels are derivatives of 1/r
        towards e, n and up: "u", or pairs "ee", "nn", "uu", "en", "eu", "nu"; never "u" beside a pair.
    words : frozenset of str, default its name
        Words, in small letters, that begin the names of columns and variables that hold it.
    """

    name: str
    kind: Kind
    unit: Unit
    long_name: str
    kernels: Callable
    words: frozenset = frozenset()

    def __reduce__(self):
        """Pickled by name: an entry of the table is the same entry in another process."""
        return component_of, (self.name,)

    @property
    def spoken(self):
        """Words that begin the names of its data, in small letters."""
        return self.words or {self.name.lower()}


def along(*direction):
    """Weights of the tensor's pairs for the field of induced magnetisation along a direction, ΔB = aᵀ U f."""
    def kernels(inducing):
        pairs = {}
        for i, a in (inducing if not direction else dict.fromkeys(direction, 1.0)).items():
            for j, f in inducing.items():
                pair = "".join(sorted(i + j))
                pairs[pair] = pairs.get(pair, 0.0) + a * f
        return pairs
    return kernels


def _gradient(name, pair, sign=1.0):
    return Component(name=name, kind=GRAVITY, unit=EOTVOS, kernels=lambda inducing: {pair: sign},
                     long_name=f"gravity gradient {name}, z positive down")


def _magnetic(name, direction):
    return Component(name=name, kind=MAGNETIC, unit=NANOTESLA, kernels=along(name[-1]),
                     long_name=f"magnetic anomaly, positive towards {direction}")


# The first component of a kind is what the kind's own name means. z of gravity is positive down.
COMPONENTS = {c.name: c for c in (
    Component(name="gz", kind=GRAVITY, unit=MILLIGAL, long_name="gravity anomaly, positive down",
              kernels=lambda inducing: {"u": -1.0}, words=frozenset({"gravity", "grav", "gz", "bouguer", "cba"})),
    _gradient("gee", "ee"),
    _gradient("gnn", "nn"),
    _gradient("gzz", "uu"),
    _gradient("gen", "en"),
    _gradient("gez", "eu", -1.0),
    _gradient("gnz", "nu", -1.0),
    Component(name="tfa", kind=MAGNETIC, unit=NANOTESLA, long_name="total-field magnetic anomaly", kernels=along(),
              words=frozenset({"magnetic", "magnetics", "mag", "tmi", "tfa"})),
    _magnetic("b_e", "east"),
    _magnetic("b_n", "north"),
    _magnetic("b_u", "up"),
)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantity:
    """A component as prisms give it: weights of the corner functions, with the inducing field in them.

    Parameters
    ----------
    component : Component
    coefficients : ndarray, shape (6,)
        Weights of the corner functions in the order of `KERNELS`, data units per unit of property.
    field : dict
        intensity (nT), inclination, declination (degrees); empty for a kind that needs none.
    """

    component: Component
    coefficients: np.ndarray
    field: dict

    @property
    def kind(self):
        """Name of the kind, which is that of a survey whatever its component."""
        return self.component.kind.name

    @property
    def units(self):
        """Of the data."""
        return self.component.unit.symbol

    @property
    def singular(self):
        """Whether the field is singular at edges of prisms and jumps at their faces: all but g_z."""
        return self.coefficients[0] == 0.0


def known_names(kind=None):
    """Names that stand for something measured: kinds and components, or the components of one kind."""
    components = tuple(c for c in COMPONENTS.values() if kind in (None, c.kind.name))
    kinds = dict.fromkeys(c.kind.name for c in components) if kind is None else ()
    return (*kinds, *(c.name for c in components))


def component_of(name):
    """The component a name stands for, a kind's name for its first; None for what this package has no physics of.

    Examples
    --------
    >>> component_of("gravity").name, component_of("gzz").unit.symbol, component_of("seismic")
    ('gz', 'E', None)
    """
    return COMPONENTS.get(name) or next((c for c in COMPONENTS.values() if c.kind.name == name), None)


def property_of(name):
    """The property that a parameter's name stands for; one without units and of scale 1 for any other name.

    Examples
    --------
    >>> property_of("density").units, property_of("porosity_log").long_name
    ('kg/m3', 'porosity log')
    """
    return PROPERTIES.get(name) or Property(name=name, long_name=name.replace("_", " "))


def quantity(kind, component=None, intensity=50_000.0, inclination=45.0, declination=45.0):
    """What prisms of unit property give: a kind, or one of its components.

    With f the unit vector of the inducing field F, B = χ F/(4π) U f and ΔT = fᵀ B (Blakely 1995, ch. 9), U the third
    difference of the tensor's corner functions.

    Parameters
    ----------
    kind : str
        A kind or, without `component`, a component: "gravity" is "gz" and "magnetic" is "tfa".
    component : str, optional
        One of the kind: "gz" (g_z in mGal, positive down), its gradients in Eötvös (1e-9 s⁻²) "gee", "gnn", "gzz",
        "gen", "gez", "gnz", e and n towards east and north, z down, "gzz" positive above a dense body; "tfa"
        (total-field anomaly in nT), "b_e", "b_n", "b_u" (the anomalous field towards east, north and up).
    intensity, inclination, declination : float
        Inducing field, nT, > 0, and degrees: inclination positive down, within ±90; declination clockwise from north,
        within ±360. Only for kinds that need one.

    Returns
    -------
    Quantity

    Raises
    ------
    ValueError
        If there is no such kind or component, or a value is not finite or out of range.

    Examples
    --------
    >>> quantity("gravity", "gzz").units, quantity("magnetic", inclination=90.0).coefficients.round(0) + 0.0
    ('E', array([    0., -3979., -3979.,     0.,     0.,     0.]))
    """
    if component is None:
        found = component_of(one_of("kind", kind, known_names()))
    else:
        found = COMPONENTS[one_of("component", component, known_names(kind))]
    field = dict(zip(FIELD, (intensity, inclination, declination), strict=True)) if found.kind.needs_field else {}
    field = {name: checked_field(name, value) for name, value in field.items()}
    inducing = direction_vector(field["inclination"], field["declination"]) if field else None
    return Quantity(component=found, coefficients=coefficients_of(found, inducing, intensity), field=field)


def coefficients_of(component, inducing, intensity):
    """Weights of the corner functions, shape (6,), for an inducing vector {"e", "n", "u"}, None without one."""
    weights = component.kernels(inducing)
    vertical = weights.pop("uu", 0.0)
    # Laplace's equation outside the prism, and on its top or bottom face it gives the limit from outside, where a
    # differenced kernel_uu gives the one from inside.
    for pair in ("ee", "nn") if vertical else ():
        weights[pair] = weights.get(pair, 0.0) - vertical
    if not weights.keys() <= set(KERNELS) or ("u" in weights and len(weights) > 1):
        fail(f"kernels of {component.name}", f"be 'u' alone or pairs among {', '.join(KERNELS[1:])}, uu",
             f"{[*weights]}", "Mend its entry in bayesjoint.quantities.")
    strength = component.unit.per_base * component.kind.strength(intensity)
    return strength * np.array([weights.get(k, 0.0) for k in KERNELS])


def checked_field(name, value):
    """A number of the inducing field as a float, in its range."""
    if FIELD[name] is None:
        value = float(as_positive(name, value, 0))
        if not EARTH[0] <= value <= EARTH[1]:
            unit = next((words for words, low, high in MISTAKEN if low <= value <= high), "")
            warn(f"an inducing field of {value:g} nT is none of the Earth's, which has {EARTH[0]:g} to "
                          f"{EARTH[1]:g} nT{unit}")
        return value
    value = float(as_finite(name, value, 0))
    if abs(value) > FIELD[name]:
        fail(name, f"lie within ±{FIELD[name]:g} degrees", f"{value:g}", "Give the angle in degrees.")
    return value


def direction_vector(inclination, declination):
    """Unit vector {"e", "n", "u"} of a field of that direction, degrees."""
    dip, azimuth = np.radians([inclination, declination])
    return {"e": np.cos(dip) * np.sin(azimuth), "n": np.cos(dip) * np.cos(azimuth), "u": -np.sin(dip)}
