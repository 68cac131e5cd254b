"""The words of the synthetic corpus, by topic and by the other factors.

Words are separated by white space, longer entries (people, verbs, phrases) by commas; the first entries of a list are
the more frequent ones. Some words belong to two or three topics on purpose, so that a sentence may leave its topic
open, and some verbs have a past equal to their base, so that it may leave its tense open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """The words of one topic.

    Attributes:
        people: ``singular plural``, comma after each.
        things: Objects, one word each.
        verbs: ``base present-singular past``, comma after each, of either sentiment.
        good_verbs: The same, positive sentiment only.
        bad_verbs: The same, negative sentiment only.
        good: Adjectives of things, positive sentiment.
        bad: Adjectives of things, negative sentiment.
        places: Phrases, comma after each.
    """

    people: str
    things: str
    verbs: str
    good_verbs: str
    bad_verbs: str
    good: str
    bad: str
    places: str


TOPICS: dict[str, Topic] = {
    "food": Topic(
        people="chef chefs, waiter waiters, baker bakers, guest guests, butcher butchers, farmer farmers, "
        "critic critics, brewer brewers, grocer grocers",
        things="soup bread cheese salad pasta noodles pie rice stew menu sauce dumplings cake wine omelette honey",
        verbs="cook cooks cooked, serve serves served, order orders ordered, cut cuts cut, bring brings brought",
        good_verbs="enjoy enjoys enjoyed, savour savours savoured, perfect perfects perfected",
        bad_verbs="burn burns burned, spill spills spilled, spoil spoils spoiled",
        good="delicious fresh tasty crispy warm sweet tender",
        bad="stale greasy salty bitter soggy cold rotten",
        places="in the kitchen, at the market, at the restaurant, in the bakery, at the cafe",
    ),
    "sport": Topic(
        people="player players, coach coaches, goalkeeper goalkeepers, captain captains, fan fans, runner runners, "
        "referee referees, swimmer swimmers, athlete athletes",
        things="match game ball race trophy season medal tournament title penalty goal league record training rally "
        "relay",
        verbs="play plays played, watch watches watched, follow follows followed, start starts started, hit hits hit",
        good_verbs="win wins won, celebrate celebrates celebrated, dominate dominates dominated",
        bad_verbs="lose loses lost, miss misses missed, forfeit forfeits forfeited",
        good="thrilling fair historic brilliant heroic swift famous",
        bad="boring brutal dirty chaotic clumsy sloppy violent",
        places="in the stadium, on the field, at the gym, in the arena, on the track",
    ),
    "music": Topic(
        people="singer singers, drummer drummers, pianist pianists, composer composers, fan fans, dancer dancers, "
        "conductor conductors, violinist violinists, critic critics",
        things="song guitar concert album melody piano symphony chorus violin tune record rhythm ballad solo opera "
        "anthem",
        verbs="play plays played, hear hears heard, record records recorded, practise practises practised, "
        "compose composes composed",
        good_verbs="adore adores adored, applaud applauds applauded, master masters mastered",
        bad_verbs="botch botches botched, butcher butchers butchered, boo boos booed",
        good="beautiful catchy lively gentle soulful brilliant elegant",
        bad="noisy dull harsh gloomy shrill boring tuneless",
        places="on the stage, in the studio, at the festival, in the theatre, in the choir",
    ),
    "travel": Topic(
        people="tourist tourists, pilot pilots, guide guides, sailor sailors, driver drivers, captain captains, "
        "passenger passengers, traveller travellers, hiker hikers",
        things="train hotel ticket flight bus map luggage ferry passport tour journey island taxi boat trip souvenir",
        verbs="book books booked, take takes took, find finds found, photograph photographs photographed, "
        "choose chooses chose",
        good_verbs="explore explores explored, recommend recommends recommended, treasure treasures treasured",
        bad_verbs="miss misses missed, cancel cancels cancelled, delay delays delayed",
        good="scenic sunny cosy exotic comfortable peaceful charming",
        bad="crowded dirty remote bumpy expensive late cramped",
        places="at the airport, at the station, on the beach, in the harbour, in the mountains",
    ),
    "school": Topic(
        people="student students, teacher teachers, professor professors, pupil pupils, tutor tutors, "
        "librarian librarians, scholar scholars, lecturer lecturers, parent parents",
        things="book lesson essay exam homework lecture poem course textbook project diploma thesis quiz map class "
        "notebook",
        verbs="read reads read, write writes wrote, study studies studied, discuss discusses discussed, "
        "finish finishes finished",
        good_verbs="pass passes passed, praise praises praised, learn learns learned",
        bad_verbs="fail fails failed, forget forgets forgot, copy copies copied",
        good="clever inspiring useful clear interesting brilliant thoughtful",
        bad="confusing boring messy tedious difficult pointless vague",
        places="in the library, in the classroom, at the university, on the campus, in the laboratory",
    ),
    "garden": Topic(
        people="gardener gardeners, neighbour neighbours, farmer farmers, florist florists, child children, "
        "botanist botanists, landlord landlords, beekeeper beekeepers, visitor visitors",
        things="roses tree lawn flowers tomatoes hedge pond apples seeds tulips fence herbs bush vegetables fountain "
        "orchard",
        verbs="plant plants planted, water waters watered, cut cuts cut, trim trims trimmed, pick picks picked",
        good_verbs="admire admires admired, nurture nurtures nurtured, harvest harvests harvested",
        bad_verbs="trample tramples trampled, neglect neglects neglected, poison poisons poisoned",
        good="blooming green fragrant fresh colourful lush sweet",
        bad="withered thorny muddy rotten overgrown dry weedy",
        places="in the greenhouse, behind the shed, by the river, in the park, on the terrace",
    ),
    "health": Topic(
        people="doctor doctors, nurse nurses, patient patients, surgeon surgeons, dentist dentists, "
        "therapist therapists, pharmacist pharmacists, visitor visitors, midwife midwives",
        things="medicine treatment injury fever surgery vaccine wound therapy bandage diet pills diagnosis x-ray bed "
        "recovery heartbeat",
        verbs="check checks checked, treat treats treated, need needs needed, discuss discusses discussed, "
        "examine examines examined",
        good_verbs="heal heals healed, cure cures cured, survive survives survived",
        bad_verbs="hurt hurts hurt, worsen worsens worsened, ignore ignores ignored",
        good="effective gentle safe healthy soothing modern clean",
        bad="painful risky infected severe chronic toxic useless",
        places="in the hospital, at the clinic, in the ambulance, in the ward, at the pharmacy",
    ),
    "business": Topic(
        people="manager managers, investor investors, banker bankers, trader traders, client clients, "
        "economist economists, accountant accountants, founder founders, secretary secretaries",
        things="company contract report budget shares meeting product loan profit merger market invoice project "
        "strategy salary pension",
        verbs="sell sells sold, buy buys bought, sign signs signed, discuss discusses discussed, set sets set",
        good_verbs="expand expands expanded, secure secures secured, praise praises praised",
        bad_verbs="lose loses lost, reject rejects rejected, mismanage mismanages mismanaged",
        good="profitable generous solid promising efficient fair reliable",
        bad="risky expensive corrupt worthless weak bankrupt hasty",
        places="in the office, at the bank, at the factory, at the conference, at the headquarters",
    ),
    "film": Topic(
        people="actor actors, director directors, critic critics, actress actresses, producer producers, fan fans, "
        "screenwriter screenwriters, comedian comedians, editor editors",
        things="film scene script plot comedy trailer ending role camera sequel ticket dialogue costume drama "
        "documentary premiere",
        verbs="watch watches watched, film films filmed, review reviews reviewed, cast casts cast, edit edits edited",
        good_verbs="adore adores adored, applaud applauds applauded, restore restores restored",
        bad_verbs="hate hates hated, ruin ruins ruined, mock mocks mocked",
        good="funny moving stunning thrilling original witty charming",
        bad="predictable dull shallow awful silly confusing bleak",
        places="in the cinema, on the set, at the festival, in the studio, on the screen",
    ),
    "law": Topic(
        people="lawyer lawyers, judge judges, witness witnesses, officer officers, detective detectives, "
        "thief thieves, sheriff sheriffs, client clients, prosecutor prosecutors",
        things="case evidence verdict trial crime contract sentence claim statement appeal warrant confession lawsuit "
        "fine alibi weapon",
        verbs="hear hears heard, examine examines examined, report reports reported, read reads read, "
        "question questions questioned",
        good_verbs="solve solves solved, settle settles settled, defend defends defended",
        bad_verbs="hide hides hid, dismiss dismisses dismissed, forge forges forged",
        good="fair honest solid lawful clear merciful convincing",
        bad="corrupt shady false violent weak unjust suspicious",
        places="in the courtroom, at the station, in the prison, before the jury, at the hearing",
    ),
}

ANY_TOPIC = Topic(
    people="man men, woman women, friend friends, girl girls, boy boys, cousin cousins, stranger strangers",
    things="idea gift mess surprise picture puzzle",
    verbs="see sees saw, want wants wanted, describe describes described",
    good_verbs="like likes liked, love loves loved, welcome welcomes welcomed",
    bad_verbs="hate hates hated, resent resents resented, regret regrets regretted",
    good="good wonderful great",
    bad="bad terrible awful",
    places="in the city, at home, near the bridge",
)
"""Words of every topic."""

PEOPLE_GOOD = "happy kind clever cheerful proud friendly patient brave calm grateful"
PEOPLE_BAD = "angry lazy rude tired careless nervous selfish gloomy stubborn bitter"
PEOPLE_EITHER = "young old new local quiet"

DETERMINERS = {"singular": "the, this, our, every, that, my", "plural": "the, these, our, some, those, many"}
OBJECT_DETERMINERS = "the, their, our, some, your, all the"
PRONOUNS = {"singular": "she, he, someone", "plural": "they, we, you"}
COPULAS = {
    ("present", "singular"): "is",
    ("present", "plural"): "are",
    ("past", "singular"): "was",
    ("past", "plural"): "were",
    ("future", "singular"): "will be",
    ("future", "plural"): "will be",
}
AUXILIARIES = {
    ("present", "singular"): "does",
    ("present", "plural"): "do",
    ("past", "singular"): "did",
    ("past", "plural"): "did",
    ("future", "singular"): "will",
    ("future", "plural"): "will",
}
TIMES = {
    "present": "today, every day, these days, on mondays, right now, always",
    "past": "yesterday, last week, a year ago, last night, in january, on sunday",
    "future": "tomorrow, next week, next year, soon, in january, on sunday",
}
OPINIONS = {
    "positive": "luckily, i am glad that, happily, thankfully, as we hoped, it is great that",
    "negative": "sadly, i fear that, unfortunately, as we feared, sorry to say, it is a shame that",
}
DEGREES = "very, quite, really, rather, so, too"
