"""Words in the names of columns that say what the column is, and categories whose values are all known."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A calendar word beside one of these is a length of time: months_since_visit, term_month.
DURATION = _words(
    """since tenure duration elapsed until per term total length lag age avg mean average worked inactive old count
    remaining left between cumulative years days experience seniority after before num"""
)
WEEKDAY = _words("weekday dow dayofweek wochentag weekdays") | {"day of week", "day week"}
DAY_OF_YEAR = _words("dayofyear doy yday julian") | {"day of year"}
WEEK = _words("week isoweek weekofyear woy weeknum weeknumber kw semaine") | {"week of year"}
MONTH = _words("month mon mo mnth monat mois mes mese monthofyear")
QUARTER = _words("quarter qtr quartal trimestre")
DAY = _words("day dom mday dayofmonth tag") | {"day of month"}
HOUR = _words("hour hr stunde heure hora hourofday")
MINUTE = _words("minute")
SECOND = _words("second")
YEAR = _words("year yr jahr annee ano vintage yearbuilt modelyear birthyear baujahr")
PERCENTAGE = _words("percent pct perc percentage prozent pourcentage percentile humidity")
PROBABILITY = _words("probability prob proba likelihood fraction proportion share anteil")
LATITUDE = _words("latitude lat")
LONGITUDE = _words("longitude lon lng")
BEARING = _words("bearing heading azimuth winddir winddirection") | {"wind direction", "wind dir", "wind deg"}
AGE = _words("age alter edad")
PERSONS = _words(
    """patient customer client driver applicant passenger employee user person respondent mother father maternal
    paternal insured borrower member student player donor participant spouse worker owner citizen voter"""
)
ABOUT_PERSONS = _words(
    """sex gender marital married education occupation job smoker bmi salary income name surname patient passenger
    geschlecht beruf race ethnicity children dependents pregnancies cholesterol diabetes nationality
    customer client employee member person student"""
)
THINGS = _words(
    """house building car vehicle account company property loan tree machine equipment home flat apartment business
    firm device bridge road store shop contract policy engine battery housing plant animal"""
)
# Quantities that may be negative, even if the table has none that is.
SIGNED = _words(
    """temp temperature temperatur celsius fahrenheit tmin tmax dewpoint dew chill balance saldo profit margin change
    delta diff difference gain loss net return returns growth elevation altitude elev score index log offset residual
    anomaly deviation slope skew sentiment correlation corr voltage current charge velocity acceleration angle torque
    force position coord coordinate trend bias shift error drift spread surplus deficit cashflow income revenue amount
    ebit pnl pca pc component factor latent zscore logit delay lag lead increase decrease yoy mom interest variation
    gewinn verlust longitude latitude lat lon"""
)
# Quantities that are never negative; other fractions are only if the table has a zero.
POSITIVE = _words(
    """price prices cost costs fare fee fees rent salary wage wages weight height length width depth size area volume
    distance dist duration time age count number num qty quantity population density speed pressure concentration ratio
    radius diameter perimeter mass power energy consumption bmi glucose insulin cholesterol thickness tenure dose
    rainfall rain precipitation snow mileage miles km years months days hours minutes seconds sqft sqm carat horsepower
    hp displacement tax premium budget debt loan charges bill tip spend spent purchase purchases rooms preis gewicht
    groesse cm mm kg hoehe laenge breite flaeche anzahl dauer menge kosten miete fees payment rate"""
)
AMOUNTS = _words(
    """rate price prices cost costs charge charges call calls min mins minutes sale sales revenue income wage pay fee
    fees salary usage amount balance volume spend spent order orders visits value score temp rides trips clicks error
    premium budget"""
)
NAMELESS = re.compile(
    r"(?:x|y|z|v|f|c|a|s|feature|feat|col|column|var|attr|attribute|field|dim|pc|component)[_ ]?\d*", re.I
)

MANY_CODES = 12  # distinct codes that are no coincidence, whatever the column's name
CLEAR = _words("UsState UsStateName CountryAlpha3")
CODES = {
    "UsState": _words("state st us usa province region bundesstaat states addr"),
    "UsStateName": _words("state st us usa province region states"),
    "Country": _words("country nation iso iso2 land pays pais nationality countrycode origin destination market cc"),
    "CountryAlpha3": _words("country nation iso iso3 land nationality countrycode origin destination market"),
    "Currency": _words("currency curr ccy waehrung devise moneda currencycode"),
}
TWO_DIGITS = re.compile(r"\d\d").fullmatch
_SEX = _words("sex gender geschlecht sexe sexo")
ANY = frozenset[str]()
# What the values are, the words in the column's name that it takes to say so, and the values.
SCALES: tuple[tuple[str, frozenset[str], str], ...] = (
    ("yes or no, and neither", ANY, "yes,no,unknown,maybe"),
    ("yes or no, and neither", ANY, "ja,nein,unbekannt"),
    ("the sexes", ANY, "female,male,other,unknown,diverse"),
    ("the sexes", ANY, "weiblich,männlich,divers"),
    ("the sexes", _SEX, "f,m,x,u,d,w"),
    ("the sexes", _SEX, "woman,man,other"),
    ("the grades of a scale", ANY, "low,medium,high"),
    ("the grades of a scale", ANY, "very low,low,medium,high,very high"),
    ("the grades of a scale", ANY, "small,medium,large"),
    ("the grades of a scale", _words("size groesse taille"), "xs,s,m,l,xl,xxl"),
    ("all quarters", ANY, "q1,q2,q3,q4"),
    ("before and after noon", ANY, "am,pm"),
)
COMPLETED = {"the grades of a scale", "all quarters", "before and after noon"}
