#include "tools/common/entry_view.hpp"

namespace vault::ctl {

EntryView::EntryView(const Entry& entry)
    : session_id(entry.session_id),
      seal_id(entry.seal_id),
      timestamp(entry.timestamp),
      authority(entry.authority),
      verdict(entry.verdict),
      seal_data(entry.seal_data),
      sealed(&entry) {}

EntryView::EntryView(const KeptSeal& seal)
    : session_id(seal.session_id),
      seal_id(seal.seal_id),
      timestamp(seal.timestamp),
      authority(seal.authority),
      verdict(seal.verdict),
      seal_data(seal.seal_data) {}

EntryView::EntryView(const AnyEntry& entry)
    : EntryView(std::visit([](const auto& one) { return EntryView(one); }, entry)) {}

PageView::PageView(const AnyPage& page)
    : next_cursor(std::visit([](const auto& one) { return one.next_cursor; }, page)) {
  if (const auto* sealed = std::get_if<Page>(&page)) entries.assign(sealed->entries.begin(), sealed->entries.end());
  if (const auto* kept = std::get_if<KeptPage>(&page)) entries.assign(kept->seals.begin(), kept->seals.end());
}

}  // namespace vault::ctl
