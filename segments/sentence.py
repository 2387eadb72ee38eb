"""A segment said in plain French. Agreement is feminine plural throughout: it speaks of « les personnes »."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never

from newsletter.countries import country_names
from newsletter.i18n import _, lazy
from newsletter.words import Axis, ConsentState, Horizon, label
from segments.fields import Field
from segments.tree import (
    Agreed,
    Begins,
    Bound,
    Clicked,
    Dated,
    Every,
    Everyone,
    Leaf,
    Node,
    Not,
    OneOf,
    Plans,
    Some,
    Span,
    Topic,
    Tree,
    TypedName,
    Unit,
)


def sentence(tree: Tree) -> str:
    """« Les personnes qui … » : the same segment in plain French."""
    if isinstance(tree, Everyone):
        return _("Toutes les personnes inscrites.")
    return _("Les personnes {clauses}.").format(clauses=_said(tree, negated=False))


def _said(node: Node, *, negated: bool) -> str:
    """The clauses; a « non » is carried down to the leaves, where French says it best."""
    match node:
        case Not(part):
            return _said(part, negated=not negated)
        case Every(parts):
            return _joined(parts, negated=negated, with_or=negated)
        case Some(parts):
            return _joined(parts, negated=negated, with_or=not negated)
        case _:
            return _leaf(node, negated=negated)


def _leaf(leaf: Leaf, *, negated: bool) -> str:
    match leaf:
        case OneOf(field, names):
            return _named(field, names, negated=negated)
        case Begins(prefixes):
            return (
                _verb("dont le code postal {not}commence par", negated=negated)
                + " "
                + _either([p.text for p in prefixes], negated=negated)
            )
        case Plans(horizons):
            return _planning(horizons, negated=negated)
        case Agreed(axis, states):
            return _agreeing(axis, states, negated=negated)
        case Dated(field, bound, when):
            who = _("qui {not}ont été rencontrées") if field is Field.met else _("qui {not}ont rejoint la liste")
            return f"{_verb(who, negated=negated)} {_period(bound, when)}"
        case Clicked(topic, name, since):
            return _clicking(topic, name, since, negated=negated)
        case _:
            assert_never(leaf)


def _joined(parts: Sequence[Node], *, negated: bool, with_or: bool) -> str:
    clauses = [
        f"({_said(part, negated=negated)})" if _is_group(part) else _said(part, negated=negated) for part in parts
    ]
    return _row(clauses, _("ou") if with_or else _("et"))


def _is_group(node: Node) -> bool:
    while isinstance(node, Not):
        node = node.part
    return isinstance(node, Every | Some)


def _row(words: Sequence[str], last: str) -> str:
    """« a, b et c »."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _either(words: Sequence[str], *, negated: bool = False) -> str:
    """« a, b ou c »; after a « ne … pas »: « a, b ni c »."""
    return _row(words, _("ni") if negated else _("ou"))


def _quoted(names: Sequence[TypedName]) -> list[str]:
    return [f"« {name.text} »" for name in names]


_IN_COUNTRY = {
    "FR": "en France", "BE": "en Belgique", "NL": "aux Pays-Bas", "DE": "en Allemagne", "GB": "au Royaume-Uni",
    "ES": "en Espagne", "IT": "en Italie", "CH": "en Suisse", "LU": "au Luxembourg", "PT": "au Portugal",
    "IE": "en Irlande", "DK": "au Danemark", "SE": "en Suède", "AT": "en Autriche", "PL": "en Pologne",
    "US": "aux États-Unis", "CA": "au Canada",
}  # fmt: skip


def _in_country(name: TypedName) -> str:
    country = country_names().get(name.text, name.text)
    return _IN_COUNTRY.get(name.text, _("dans le pays « {country} »").format(country=country))


def _verb(clause: str, *, negated: bool) -> str:
    """« qui n’habitent pas »: the French negation goes around the first verb, which `{not}` stands before."""
    if not negated:
        return clause.replace("{not}", "")
    start, rest = clause.split("{not}")
    verb, *after = rest.split(" ", 1)
    no = "n’" if verb[0] in "aeiouyhéê" else "ne "
    return f"{start}{no}{verb} pas" + (f" {after[0]}" if after else "")


def _named(field: Field, names: Sequence[TypedName], *, negated: bool) -> str:
    known = [name for name in names if name.text]
    clauses = [_KNOWN[field] if negated else _NOT_KNOWN[field]] if len(known) < len(names) else []
    if known and field is Field.country:
        clauses.append(
            f"{_verb(_NAMED[field], negated=negated)} {_either([_in_country(name) for name in known], negated=negated)}"
        )
    elif known:
        clauses.append(f"{_verb(_NAMED[field], negated=negated)} {_either(_quoted(known), negated=negated)}")
    return _row(sorted(clauses, key=len, reverse=True), _("et") if negated else _("ou"))


_NAMED = {
    Field.country: lazy("qui {not}habitent"),
    Field.postcode: lazy("dont le code postal {not}est"),
    Field.sector: lazy("qui {not}s’intéressent au secteur"),
    Field.partner: lazy("que nous {not}avons rencontrées chez"),
    Field.commune: lazy("qui {not}aimeraient vivre à"),
    Field.epci: lazy("qui {not}aimeraient vivre dans l’intercommunalité"),
}
_NOT_KNOWN = {
    Field.country: lazy("dont le pays est inconnu"),
    Field.postcode: lazy("dont le code postal est inconnu"),
    Field.sector: lazy("qui n’ont nommé aucun secteur"),
    Field.partner: lazy("qu’aucun partenaire ne nous a fait rencontrer"),
    Field.commune: lazy("qui n’ont pas nommé de commune"),
    Field.epci: lazy("qui n’ont pas nommé de commune"),
}
_KNOWN = {
    Field.country: lazy("dont le pays est connu"),
    Field.postcode: lazy("dont le code postal est connu"),
    Field.sector: lazy("qui ont nommé un secteur"),
    Field.partner: lazy("qu’un partenaire nous a fait rencontrer"),
    Field.commune: lazy("qui ont nommé une commune"),
    Field.epci: lazy("qui ont nommé une commune"),
}


def _planning(horizons: Sequence[Horizon], *, negated: bool) -> str:
    words = _either([f"« {label(one)} »" for one in horizons], negated=negated)
    return f"{_verb(_('dont le projet {not}est'), negated=negated)} {words}"


_ABOUT = {
    Axis.newsletter: lazy("à la lettre"),
    Axis.clicks: lazy("à la mesure des clics"),
    Axis.opens: lazy("à la mesure des ouvertures"),
    Axis.adviser: lazy("à l’appel d’un référent"),
    Axis.employers: lazy("à la mise en relation avec des employeurs"),
}
_SAID = {
    ConsentState.granted: lazy("qui {not}ont dit oui"),
    ConsentState.denied: lazy("qui {not}ont dit non"),
    ConsentState.unknown: lazy("qui {not}ont été sans réponse"),
}


def _agreeing(axis: Axis, states: Sequence[ConsentState], *, negated: bool) -> str:
    about = _ABOUT[axis]
    if ConsentState.unknown in states or len(states) > 1:
        words = _either([f"« {_STATE_WORDS[state]} »" for state in states], negated=negated)
        return f"{_verb(_('dont la réponse {about} {not}est').replace('{about}', about), negated=negated)} {words}"
    return f"{_verb(_SAID[states[0]], negated=negated)} {about}"


_STATE_WORDS = {
    ConsentState.granted: lazy("oui"),
    ConsentState.denied: lazy("non"),
    ConsentState.unknown: lazy("inconnue"),
}


def _clicking(topic: Topic, name: TypedName | None, since: date | Span | None, *, negated: bool) -> str:
    said = _verb(_("qui {not}ont cliqué"), negated=negated)
    if name and topic is Topic.sector:
        said += " " + _("sur le secteur « {name} »").format(name=name.text)
    elif name:
        said += " " + _("sur l’employeur « {name} »").format(name=name.text)
    if isinstance(since, Span):
        ago = _("depuis {span}") if negated else _("il y a moins de {span}")
        return f"{said} {ago.format(span=_length(since))}"
    return f"{said} {_period(Bound.since, since)}" if since is not None else said


def _length(span: Span) -> str:
    return f"{span.number} {span.unit}" if span.number > 1 else f"1 {_ONE[span.unit]}"


_ONE = {Unit.days: lazy("jour"), Unit.weeks: lazy("semaine"), Unit.months: lazy("mois"), Unit.years: lazy("an")}


def _period(bound: Bound, when: date | Span | int) -> str:
    match when:
        case Span():
            told = _("il y a moins de {span}") if bound is Bound.since else _("il y a plus de {span}")
            return told.format(span=_length(when))
        case date():
            told = _("depuis le {day}") if bound is Bound.since else _("avant le {day}")
            return told.format(day=_day(when))
        case _:
            return _("en {year}").format(year=when)


def _day(day: date) -> str:
    months = _("janvier février mars avril mai juin juillet août septembre octobre novembre décembre").split()
    return f"{'1er' if day.day == 1 else day.day} {months[day.month - 1]} {day.year}"
