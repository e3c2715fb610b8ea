"""The names of months and of days of the week, as tables write them."""

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_DAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
_ABBREVIATED = {
    "en months": "jan feb mar apr may jun jul aug sep oct nov dec",
    "de months": "jan feb mär apr mai jun jul aug sep okt nov dez",
    "en days": "mon tue wed thu fri sat sun",
    "de days": "mo di mi do fr sa so",
    "en days, two letters": "mo tu we th fr sa su",
}
# Other forms of an abbreviation. In a table with one of them, nobody knows which form the values it lacks have.
_FORMS = {
    **{"jun": ("june",), "jul": ("july",), "sep": ("sept",)},
    **{"tue": ("tues",), "wed": ("weds",), "thu": ("thur", "thurs")},
}


def month_numbers() -> dict[str, int]:
    """Each name and abbreviation of a month, in lower case, with its number."""
    lists = [words.split() for words in _MONTHS.values()]
    lists += [words.split() for name, words in _ABBREVIATED.items() if "months" in name]
    numbers = {word: number for words in lists for number, word in enumerate(words, 1)}
    return numbers | {form: numbers[word] for word, forms in _FORMS.items() if word in numbers for form in forms}


def completed(texts: list[str]) -> tuple[str, ...] | None:
    """All days of the week or all months, written as these are; None if these are something else."""
    style = next((change for change in (str.lower, str.title, str.upper) if all(change(t) == t for t in texts)), None)
    if style is None:
        return None
    observed = {text.lower().rstrip(".") for text in texts}
    point = "." if all(text.endswith(".") for text in texts) else ""
    if not point and any(text.endswith(".") for text in texts):
        return None
    for words in (*_ABBREVIATED.values(), *_DAYS.values(), *_MONTHS.values()):
        cycle = words.split()
        known = {form: word for word in cycle for form in (word, *_FORMS.get(word, ()))}
        if not observed <= set(known):
            continue
        several = not observed <= set(cycle)
        done = {known[word] for word in observed}
        forms = [
            form
            for word in cycle
            for form in ((word, *_FORMS.get(word, ())) if several else (word,))
            if form in observed or word not in done
        ]
        return tuple(style(form) + point for form in forms)
    return None
