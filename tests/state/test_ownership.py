from vectormigrate.state import ownership


async def test_foreign_ids_are_known_by_their_hash(tx):
    await tx(ownership.add_foreign, ["s:a", "s:b"])
    await tx(ownership.add_foreign, ["s:b"])
    assert await tx(ownership.foreign_count) == 2
    assert await tx(ownership.foreign_among, ["s:a", "s:c"]) == {"s:a"}
    assert len(ownership.id_hash("s:a")) == 16
    await tx(ownership.forget_foreign)
    assert await tx(ownership.foreign_count) == 0


async def test_digests_are_kept_for_some(tx):
    await tx(ownership.add_foreign, ["s:a", "s:b"])
    await tx(ownership.set_digests, [("s:a", b"1")])
    assert await tx(ownership.digests) == [("s:a", b"1")]
    assert await tx(ownership.foreign_count) == 2


async def test_the_first_pre_image_stays_and_touches_its_record(tx):
    await tx(ownership.add_foreign, ["s:a", "s:b"])
    await tx(ownership.keep_pre_images, [("s:a", b"theirs")])
    await tx(ownership.keep_pre_images, [("s:a", b"ours")])
    assert await tx(ownership.pre_images, "", 10) == [("s:a", b"theirs")]
    assert await tx(ownership.untouched_among, ["s:a", "s:b", "s:c"]) == {"s:b"}


async def test_what_was_put_back_is_counted_and_theirs_again(tx):
    await tx(ownership.add_foreign, ["s:a", "s:b"])
    await tx(ownership.keep_pre_images, [("s:a", b"1"), ("s:b", b"2")])
    await tx(ownership.stand, ["s:a"], ownership.Standing.THEIRS)
    assert await tx(ownership.pre_images, "", 10) == [("s:b", b"2")]
    assert await tx(ownership.restored_count) == 1
    assert await tx(ownership.untouched_among, ["s:a", "s:b"]) == {"s:a"}
    await tx(ownership.keep_pre_images, [("s:a", b"ours")])  # it is overwritten once more
    assert await tx(ownership.pre_images, "", 10) == [("s:a", b"1"), ("s:b", b"2")]
