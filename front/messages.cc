// The messages of a chat, see read_messages() in api_request.h.
#include <fmt/format.h>

#include "front/api_request.h"

namespace aisp::front {
namespace {

// A string, or parts that are text: joined by line breaks, as other servers do.
Json read_content(const Json& content, const std::string& where) {
  if (content.is_string()) return content;
  if (!content.is_array()) {
    throw ApiError(400, where + "content is neither a string nor a list", where + "content");
  }
  std::string all;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string part_where = fmt::format("{}content[{}].", where, i);
    Fields part(content[i], part_where);
    const std::optional<std::string> type = part.text("type");
    if (!type || *type != "text") part.fail("type", "is not text: this model reads nothing else");
    const std::optional<std::string> text = part.text("text");
    if (!text) part.fail("text", "is missing");
    part.end();
    if (i > 0) all += '\n';
    all += *text;
  }
  return all;
}

// What OpenAI sends as a string of JSON, templates write as JSON themselves.
Json read_tool_calls(const Json& calls, const std::string& where) {
  Json out = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string call_where = fmt::format("{}tool_calls[{}].", where, i);
    Fields call(calls[i], call_where);
    const Json* function = call.get("function");
    if (function == nullptr) call.fail("function", "is missing");
    Fields named(*function, call_where + "function.");
    if (!named.text("name")) named.fail("name", "is missing");
    Json copy = calls[i];
    const Json* arguments = named.get("arguments");
    if (arguments != nullptr && arguments->is_string()) {
      Json object = parse_body(arguments->get_ref<const std::string&>(), Limits{});
      if (!object.is_object()) named.fail("arguments", "is not the text of a JSON object");
      copy["function"]["arguments"] = std::move(object);
    }
    out.push_back(std::move(copy));
  }
  return out;
}

Json read_message(const Json& message, const std::string& where) {
  Fields fields(message, where);
  const std::optional<std::string> role = fields.text("role");
  if (!role) fields.fail("role", "is missing");
  if (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool" &&
      *role != "developer") {
    fields.fail("role", "is not system, developer, user, assistant or tool");
  }
  Json out = {{"role", *role == "developer" ? "system" : *role}};
  const Json* content = fields.get("content");
  const Json* calls = fields.list("tool_calls", 1024);
  if (content == nullptr && calls == nullptr) fields.fail("content", "is missing");
  out["content"] = content == nullptr ? Json("") : read_content(*content, where);
  if (calls != nullptr) out["tool_calls"] = read_tool_calls(*calls, where);
  for (const char* name : {"name", "tool_call_id", "reasoning_content"}) {
    if (const auto text = fields.text(name)) out[name] = *text;
  }
  fields.ignore("refusal");  // an assistant's earlier answer comes back with them
  fields.ignore("annotations");
  fields.end();
  return out;
}

}  // namespace

Json read_messages(const Json& messages) {
  Json out = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    out.push_back(read_message(messages[i], fmt::format("messages[{}].", i)));
  }
  return out;
}

}  // namespace aisp::front
