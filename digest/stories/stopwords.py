"""Words that tell no event: the commonest of each language we know, and those that name a format.

Own lists, short on purpose: function words, the verbs of reporting, weekdays. Everything else is left to idf.
"""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH = """
a about above according add added adds after again against ago all almost along already also although always am
amid among an and another any are around as at away back be became because been before began behind being below
best between both but by call called calls came can come comes could day days despite did do does doing done
down due during each early either else end even ever every face faces few find first following for former found
from full further gave get gets getting give given gives go goes going gone good got had half has have having he
her here hers high him his how however i if in into is it its itself just keep know known last late later latest
least left less let like likely little live long look looks made make makes making man many may me might more
morning most much must my near need needs never new news next night no nor not now of off often old on once one
only onto or other others our out over own part people per place put rather read really report reported reports
right said same saw say saying says see seen set several she should show shows since so some something soon
still such take taken takes than that the their them then there these they thing things this those though
through time times to today together told tomorrow tonight too took toward towards two under until up update
updates upon us use used using very via want wants was way we week weeks well went were what when where whether
which while who whole whom whose why will with within without would year years yes yesterday yet you your three
four five six seven eight nine ten monday tuesday wednesday thursday friday saturday sunday briefing video
photos picture pictures watch listen read evening s t re ve ll d
"""
_GERMAN = """
ab aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei beim bereits
besonders bin bis bleibt da dabei dadurch dafür dagegen daher damit danach dann daran darauf darf darüber das
dass dem den denn der deren des deshalb dessen die dies diese diesem diesen dieser dieses doch dort drei du
durch dürfen eher ein eine einem einen einer eines einige einigen er erst erste ersten erster es etwa etwas euch
fast fünf für gab ganz gar geben gegen geht gerade gibt gut habe haben hat hatte hatten her heute hier hin
hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jahr jahre jahren jede jedem jeden
jeder jedes jetzt kam kann kaum kein keine keinen keiner kommen kommt konnte können könnte lang lange laut
letzte letzten letzter machen macht man mehr mehrere mehreren mein mit mittag mittwoch montag dienstag
donnerstag freitag samstag sonntag sonnabend morgen muss musste müssen nach nachdem nacht neben nein neu neue
neuen neuer neues nicht nichts noch nun nur ob oder ohne per rund sagt sagte schon sechs sehr sei sein seine
seinem seinen seiner seit selbst sich sie sieben sind so sogar soll sollen sollte sollten sowie später statt tag
tage tagen trotz über um und uns unter viel viele vielen vier vom von vor war wäre waren was weg wegen weil
weiter weitere weiteren weiterer welche welcher wenig weniger wenn wer werde werden wie wieder will wir wird wo
woche wochen wollen worden wurde wurden zehn zu zudem zum zur zwei zwischen uhr abend vormittag gestern
mitteilte teilte mitgeteilt berichtet berichten ersten sagten hieß gesagt
"""
_ARABIC = """
في من على إلى الى عن مع هذا هذه ذلك تلك الذي التي الذين اللذين ما لا لم لن إن أن ان كان كانت يكون تكون كما قد
لقد بعد قبل بين حتى عند عندما حيث كل بعض أي هو هي هم هن نحن أنت أنا ثم أو او بل لكن ليس ليست غير منذ خلال حول ضد
أمام فوق تحت وراء نحو لدى قال قالت يقول تقول قالوا وقال وقالت أعلن أعلنت وأعلن وأعلنت أكد أكدت وأكد وأضاف وأضافت
أضاف اليوم أمس غدا صباح مساء يوم الأحد الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت عام سنة أيام أول
ثلاثة أربعة خمسة اثنين واحد جديد جديدة أكثر أقل أيضا وفق وفقا بحسب حسب عدد عدة مثل إذا اذا لأن به بها له لها فيه
فيها منه منها عليه عليها إليه إليها عنه عنها وهو وهي وهم ولا ولم وما فقد وقد وكان وكانت ومن وفي وعلى وإلى التى
الى هناك هنا جاء جرى يتم تم بشأن بسبب وذلك كذلك سوف الآن
"""
_FORMATS = """
briefing newsletter roundup round-up digest podcast headlines bulletin liveblog live blog ticker newsticker
nachrichten überblick tagesüberblick zusammenfassung presseschau kompakt topnews top weather forecast wetter
wettervorhersage horoscope horoskop crossword quiz cartoon gallery bildergalerie fotos obituary نشرة موجز أخبار
الأخبار الطقس حالة أبرز عناوين ملخص
"""

COMMON: Mapping[str, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "de": frozenset(_GERMAN.split()),
    "ar": frozenset(_ARABIC.split()),
}
"""Language -> its commonest words, case-folded."""
FORMATS = frozenset(_FORMATS.split())
"""Words that name a format and not an event ("Morning briefing"). A daily column bears the same title every day."""
