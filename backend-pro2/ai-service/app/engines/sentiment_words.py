"""English words whose tone hardly depends on the matter at hand, and words that turn it round.

Collected for this program: words that praise or blame in nearly every context, with the forms they take. Words that do
so in some fields only (cheap, long, hot, kind, sick) are left out, so much that people feel is not seen. Those of 2
are strong, of 1 clear.
"""

_STRONGLY_GOOD = """
adorable adore adored adores amazing amazingly astounding awesome beautiful beautifully best bliss blissful
breathtaking brilliant brilliantly delighted delightful delightfully ecstatic excellence excellent excellently
exceptional exceptionally exquisite extraordinary fabulous fantastic fantastically flawless flawlessly glorious
gorgeous impeccable incredible incredibly joy joyful love loved loves loving magnificent marvellous marvelous
masterpiece outstanding perfect perfection perfectly phenomenal remarkable remarkably sensational spectacular splendid
stellar stunning stunningly sublime superb superbly terrific thrilled unbeatable unforgettable wonderful wonderfully
"""
_GOOD = """
admirable admire admired appreciate appreciated appreciates attractive benefit beneficial charming cheerful clever
comfortable comfortably commendable convenient courteous cozy delicious dependable durable easy easily effective
efficient efficiently elegant enjoy enjoyable enjoyed enjoying enjoys excited exciting friendly fun generous glad good
grateful great handy happier happily happiness happy helped helpful helps impressed impressive improved improvement
inspiring intuitive lovely nice nicely pleasant pleasantly pleased pleasing pleasure polite praise praised prompt
proud recommend recommended recommends refreshing reliable reliably reassuring satisfied satisfying seamless smooth
smoothly stylish success successful successfully superior supportive tasty thank thankful thanks thoughtful tidy
trustworthy useful valuable welcoming winner worthwhile yummy
"""
_BAD = """
angry annoyed annoying annoys bad badly blurry bored boring broke broken bug buggy bugs clumsy complain complained
complaint complaints confused confusing crash crashed crashes crashing damaged defect defective defects delayed
difficult dirty disappoint disappointed disappointing disappointment disappoints dislike disliked dissatisfied
embarrassing fail failed fails failure faulty flaw flawed flaws flimsy frustrated frustrating frustration glitch
glitches greasy harmful hated ignored inaccurate inadequate incompetent incomplete inconvenient ineffective inferior
inconsistent irritating lacking lousy mediocre mess messy misleading mistake mistakes outdated overpriced painful poor
poorly problem problems refused regret regretted rude sad sadly shabby shoddy sloppy smelly stale stuck stupid
tasteless tedious unacceptable unclear uncomfortable unfair unfortunate unfortunately unfriendly unhappy unhelpful
unimpressed unpleasant unreliable unresponsive unsafe unsatisfied unstable unusable upset upsetting useless waste
wasted weak worse worthless wrong
"""
_STRONGLY_BAD = """
abominable abysmal appalling atrocious awful awfully catastrophe catastrophic despicable disaster disastrous disgrace
disgraceful disgusted disgusting dreadful dreadfully furious garbage ghastly hate hates hateful hideous horrendous
horrible horribly horrid horrific horrified infuriating insulting junk loathe loathed miserable miserably nasty
nightmare outrageous pathetic repulsive revolting scam scammed shameful sickening terrible terribly vile worst
"""

ENGLISH = {
    word: weight
    for words, weight in ((_STRONGLY_GOOD, 2.0), (_GOOD, 1.0), (_BAD, -1.0), (_STRONGLY_BAD, -2.0))
    for word in words.split()
}
# With and without the apostrophe that people leave out; whatever ends in n't is known by that.
_NEGATIONS = """
not no never none nobody nothing neither nor cannot without hardly barely scarcely arent cant couldnt didnt doesnt
dont hadnt hasnt havent isnt shouldnt wasnt werent wont wouldnt aint
"""
NEGATIONS = frozenset(_NEGATIONS.split())
