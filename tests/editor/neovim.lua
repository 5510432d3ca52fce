-- An azds.yaml in Neovim, with the configuration of docs/editors/neovim.md: `nvim -l neovim.lua FILE`.

local function wait(what, holds)
  assert(vim.wait(60000, holds, 20), 'waited 60 s for ' .. what)
end

vim.cmd.edit(arg[1])
vim.bo.filetype = 'yaml'
local buffer = vim.api.nvim_get_current_buf()
wait('the client', function()
  return #vim.lsp.get_clients({ name = 'azds', bufnr = buffer }) == 1
end)
wait('the diagnostic', function()
  return #vim.diagnostic.get(buffer) == 1
end)
local found = vim.diagnostic.get(buffer)[1]
assert(found.code == 'unknown-key', found.code)

vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
vim.lsp.buf.code_action({
  apply = true,
  filter = function(action)
    return action.kind == 'quickfix'
  end,
})
wait('the fix', function()
  return #vim.diagnostic.get(buffer) == 0
end)
local line = vim.api.nvim_buf_get_lines(buffer, found.lnum, found.lnum + 1, false)[1]
assert(line == '  dockerfile: Dockerfile', line)

local said
vim.notify = function(text)
  said = text
end
vim.cmd('Azds doctor')
wait("doctor's answer", function()
  return said
end)
assert(said:find('kubeconfig', 1, true), said)
vim.cmd('qa!')
